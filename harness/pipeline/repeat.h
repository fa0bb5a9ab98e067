// SPDX-License-Identifier: Apache-2.0
// Repeating the tests of a program in one process, so that what they add to each time can be told from what
// they set up once.
#pragma once

#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/pipeline/record.h"

namespace leakgate::pipeline {

/// The command that runs each test `rounds` times in one process. Fails (usage) where the program's framework
/// has no such option: GoogleTest has, the others do not.
Result<std::vector<std::string>> repeat_command(const RecordRequest& request, std::size_t rounds);

}  // namespace leakgate::pipeline
