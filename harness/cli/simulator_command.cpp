// SPDX-License-Identifier: Apache-2.0
// Finds leakgate-sim: beside this program, in the build tree's simulator folder, or in PATH.
#include "harness/cli/simulator_command.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "harness/base/result.h"
#include "harness/cli/cli.h"
#include "harness/cli/console.h"
#include "harness/cli/exit_status.h"

namespace leakgate::cli {
namespace {

constexpr const char* kProgram = "leakgate-sim";

}  // namespace

bool is_simulator_command(const std::vector<std::string>& arguments) {
  return !arguments.empty() && (arguments[0] == "simulate" || arguments[0] == "calibrate");
}

int run_simulator(const std::vector<std::string>& arguments) {
  std::error_code ignored;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  std::vector<std::string> words{kProgram};
  if (arguments[0] == "calibrate") words.insert(words.end(), {"calibrate", "--leakgate", self.string()});
  words.insert(words.end(), arguments.begin() + 1, arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  const auto folder = self.parent_path();
  for (const auto& candidate : {folder / kProgram, folder.parent_path() / "simulator" / kProgram})
    ::execv(candidate.c_str(), argv.data());
  ::execvp(kProgram, argv.data());
  say({ErrorKind::unsupported, "leakgate-sim was not found", "it is built with LEAKGATE_BUILD_SIMULATOR=ON",
       errno});
  return kCannot;
}

}  // namespace leakgate::cli
