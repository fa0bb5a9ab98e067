// SPDX-License-Identifier: Apache-2.0
// A part of a recording. A framework's filter may select more tests than the one that was meant: Catch2's and
// doctest's ignore case, Catch2's blanks at the ends too.
#pragma once

#include <string>
#include <vector>

#include "harness/model/recording.h"

namespace leakgate::model {

/// Takes out of `recording` the tests, with their blocks, that ran in one process with a test of `ids` and
/// are none of them. What lies outside tests stays, and so does all of the processes that ran none of `ids`.
void keep_only_tests(Recording& recording, const std::vector<std::string>& ids);

}  // namespace leakgate::model
