// SPDX-License-Identifier: Apache-2.0
// What the policy makes of growth over the rounds of a test, and of leaks that do not come in each run.
#pragma once

#include <string>

#include "harness/judge/growth.h"
#include "harness/judge/policy.h"

namespace leakgate::judge {

/// All kinds where the policy lets pass what does not grow; else what something still points at.
[[nodiscard]] GrowthScope growth_scope(const Policy& policy);

/// Whether a site that grows so fails for it: once, at the last round that added to it.
[[nodiscard]] bool fails_by_growth(const Growth& growth, const TestRules& rules);

/// Why a leak of a kind that fails passes all the same: it does not grow, or is flaky, and the policy lets
/// such leaks pass; empty: it does not.
[[nodiscard]] std::string why_passes(const Growth& growth, const model::Recurrence& recurrence,
                                     const TestRules& rules);

/// "; grows: ..." for the reason of a leak, with what of the policy stands against it; empty: nothing to say.
[[nodiscard]] std::string growth_words(const Growth& growth, const TestRules& rules);

/// "; seen in 1 of 4 runs: flaky"; empty where nothing was run again.
[[nodiscard]] std::string recurrence_words(const model::Recurrence& recurrence);

/// A note where tests were repeated too few times for growth to be told; else empty.
[[nodiscard]] std::string too_few_rounds(const model::Recording& recording);

}  // namespace leakgate::judge
