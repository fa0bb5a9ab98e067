// SPDX-License-Identifier: Apache-2.0
// Insight: what a finding suggests beyond its numbers: what to do, and how to see it again.
#pragma once

#include <string>
#include <string_view>

#include "harness/judge/leaks.h"
#include "harness/model/recording.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

/// One sentence: what to do about `leak`, from its kind, allocation function, type and what became of other
/// blocks of its site.
std::string_view recommendation_for(const model::Leak& leak);

/// What the blocks of `candidate` look like. What was thrown or failed while they were held comes first, then
/// what they stand for, then how many came by one path.
model::LeakPattern pattern_of(const Candidate& candidate);

/// Fills pattern, recommendation, and the frame of freed_by to point at.
void add_insight(Candidate& candidate);

/// A shell command that runs just `test`, by its framework's own filter; empty where its program is not
/// known.
std::string rerun_command(const model::Test& test, const model::Recording& recording);

}  // namespace leakgate::judge
