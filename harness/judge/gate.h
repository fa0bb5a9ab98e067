// SPDX-License-Identifier: Apache-2.0
// The gate: the policy over all leaks of a run, in the order of its rules' ranks.
#pragma once

#include <vector>

#include "harness/judge/leaks.h"
#include "harness/judge/policy.h"
#include "harness/model/recording.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

/// Gives each of `candidates` its verdict, reason and severity; fills what `verdict` says of suppressions,
/// baseline and limits.
void apply_policy(std::vector<Candidate>& candidates, const model::Recording& recording, const Policy& policy,
                  model::Verdict& verdict);

}  // namespace leakgate::judge
