// SPDX-License-Identifier: Apache-2.0
// Repeating the tests of a program: in one process where its framework can, so that what they add to each
// time can be told from what they set up once; else as whole runs, which tell leaks that come each time from
// those that do not.
#pragma once

#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/pipeline/record.h"

namespace leakgate::pipeline {

/// Records the command with each test repeated `rounds` times: GoogleTest's programs in one process, all
/// others by as many runs, one after the other, in one recording. Fails as record_command does.
Result<model::Recording> record_repeated(const RecordRequest& request, std::size_t rounds);

}  // namespace leakgate::pipeline
