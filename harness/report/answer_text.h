// SPDX-License-Identifier: Apache-2.0
// What an adapter's test is told of its leaks: the message that its framework will print. In: the verdict on
// that test. Out: plain text, the largest leaks first, cut at a bound.
#pragma once

#include <string>

#include "harness/model/verdict.h"

namespace leakgate::report {

/// A line of figures, then for each failing leak a sentence, what is known of it, and its stack down to the
/// framework.
std::string answer_text(const model::Verdict& verdict);

}  // namespace leakgate::report
