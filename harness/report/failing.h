// SPDX-License-Identifier: Apache-2.0
// Why a verdict is no pass: its failing leaks, worst first, as services with limits are shown them; and what
// fails beside them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/model/verdict.h"
#include "harness/report/source_root.h"

namespace leakgate::report {

/// The leaks that fail: by severity, then bytes, most first; those of equal rank in their order.
std::vector<const model::Leak*> worst_first(const model::Verdict& verdict);

/// The id of the test `leak` belongs to; empty if unknown.
std::string test_of(const model::Verdict& verdict, const model::Leak& leak);

/// What makes the gate fail and is no failing leak: a suppression that may not be unused or expired, and
/// limits that are exceeded where no leak fails. One sentence each. Limits that failing leaks exceed are told
/// by those.
std::vector<std::string> failures_beside_leaks(const model::Verdict& verdict);

/// The name of the check that such a failure is of, where leaks have their kind.
inline constexpr std::string_view kLimitExceeded = "limit_exceeded";

/// What tells one such failure from others from run to run: its sentence without the numbers, hashed.
std::string failure_identity(std::string_view sentence);

/// The file such failures are shown at: the policy's where it is the project's, else the program.
std::string failure_place(const model::Verdict& verdict, const SourceRoot& root);

}  // namespace leakgate::report
