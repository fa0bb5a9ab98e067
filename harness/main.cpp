// SPDX-License-Identifier: Apache-2.0
// leakgate. What was inherited is noted before anything of our own changes it.
#include <string>
#include <vector>

#include "harness/cli/cli.h"
#include "harness/launch/caller_state.h"

int main(int argc, char** argv) {
  const auto caller = leakgate::launch::CallerState::capture();
  return leakgate::cli::run(std::vector<std::string>(argv + (argc > 0), argv + argc), caller);
}
