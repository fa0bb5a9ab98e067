// SPDX-License-Identifier: Apache-2.0
// Running tests that leak again, on their own, to tell leaks that come each time from flaky ones.
#pragma once

#include <cstddef>

#include "harness/pipeline/record.h"

namespace leakgate::pipeline {

/// Runs the tests of `recording` that leak under request.policy `times` times more, by their frameworks' own
/// filters, without their input and output, and adds those runs to it. What cannot be run again, or not
/// completely, is told in a note; the recording is otherwise as it was. Fails (format) where all of it
/// together is too large for one recording.
Result<model::Recording> retry_suspects(const RecordRequest& request, model::Recording recording,
                                        std::size_t times);

}  // namespace leakgate::pipeline
