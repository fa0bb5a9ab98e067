// SPDX-License-Identifier: Apache-2.0
// See outputs.h.
#include "harness/cli/outputs.h"

#include <filesystem>
#include <string>
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

std::vector<std::string> read(const Options& options, const judge::Policy& policy) {
  std::vector<std::string> paths = options.inputs;
  paths.insert(paths.end(), options.merge_junit.begin(), options.merge_junit.end());
  paths.push_back(policy.file);
  paths.push_back(policy.baseline_file);
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
