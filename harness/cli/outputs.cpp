// SPDX-License-Identifier: Apache-2.0
// See outputs.h.
#include "harness/cli/outputs.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "harness/base/atomic_file.h"
#include "harness/base/text.h"

namespace leakgate::cli {
namespace {

std::vector<std::string> written(const Options& options) {
  std::vector<std::string> paths;
  for (const report::ReportFile& file : options.reports)
    paths.push_back(file.path);
  for (const std::string& path : {options.output, options.recording, options.write_suppressions})
    if (!path.empty()) paths.push_back(path);
  return paths;
}

/// The file that the command to run names; empty where there is none.
std::string program_of(const Options& options) {
  if (options.record.command.empty()) return {};
  const std::string& name = options.record.command.front();
  if (name.find('/') != std::string::npos) return name;
  std::string_view folders = options.record.caller.variable("PATH").value_or("");
  while (!folders.empty()) {
    const auto end = std::min(folders.find(':'), folders.size());
    const std::string path = std::string(folders.substr(0, end)) + "/" + name;
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) return path;
    folders.remove_prefix(std::min(end + 1, folders.size()));
  }
  return {};
}

std::vector<std::string> read(const Options& options, const judge::Policy& policy) {
  std::vector<std::string> paths = options.inputs;
  paths.insert(paths.end(), options.merge_junit.begin(), options.merge_junit.end());
  paths.push_back(policy.file);
  paths.push_back(policy.baseline_file);
  paths.push_back(program_of(options));
  for (const auto& suppression : policy.suppressions)  // "FILE:LINE"
    paths.push_back(suppression.source.substr(0, suppression.source.rfind(':')));
  return paths;
}

}  // namespace

Status check_outputs(const Options& options) {
  for (const std::string& path : written(options))
    if (auto ok = check_writable(path); !ok) return ok;
  return {};
}

bool writes_to_output(const Options& options) {
  const auto paths = written(options);
  return std::find(paths.begin(), paths.end(), "-") != paths.end();
}

Status check_overwrites(const Options& options, const judge::Policy& policy) {
  const std::vector<std::string> inputs = read(options, policy);
  for (const std::string& output : written(options)) {
    if (output == "-" || output.starts_with("/dev/")) continue;
    for (const std::string& input : inputs) {
      std::error_code error;
      if (std::filesystem::equivalent(output, input, error) && !error)
        return Error{ErrorKind::usage,
                     fmt::format("{} would be written over, and is read", printable(output)),
                     "give what is written a file of its own", 0};
    }
  }
  return {};
}

}  // namespace leakgate::cli
