// SPDX-License-Identifier: Apache-2.0
// The failing leaks of a verdict, worst first: what services with limits are shown.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "harness/model/verdict.h"

namespace leakgate::report {

/// The leaks that fail: by severity, then bytes, most first; those of equal rank in their order.
std::vector<const model::Leak*> worst_first(const model::Verdict& verdict);

/// The id of the test `leak` belongs to; empty if unknown.
std::string test_of(const model::Verdict& verdict, const model::Leak& leak);

}  // namespace leakgate::report
