// SPDX-License-Identifier: Apache-2.0
// Judging: a recording and a policy in, a verdict out. Pure: no input or output, no clock, the same verdict
// each time.
#pragma once

#include <vector>

#include "harness/judge/policy.h"
#include "harness/model/recording.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

/// The verdict on `recording`, which it keeps the stacks of, under `policy`. Tests keep their recorded order;
/// leaks are sorted by test, bytes (most first), site and fingerprint. Blocks of processes that are not
/// judged (death tests, replaced images, runners, processes still running) make no leaks; tracer.notes counts
/// them.
model::Verdict judge(model::Recording recording, const Policy& policy);

/// Why the run of `recording` is incomplete: what it says itself, and what is missing from it. Empty: it is
/// complete.
std::vector<model::IncompleteReason> incomplete_reasons(const model::Recording& recording);

}  // namespace leakgate::judge
