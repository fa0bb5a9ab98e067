// SPDX-License-Identifier: Apache-2.0
// What follows for tests and processes: a verdict for each test, and what is not judged.
#pragma once

#include <vector>

#include "harness/judge/leaks.h"
#include "harness/model/recording.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

/// Whether the end of `test` was missed by the tracer: never seen, though its process did not die by a
/// signal.
bool end_was_missed(const model::Test& test, const model::Recording& recording);

/// Whether `test` appears in reports: the windows of death tests' children and of programs that only start
/// others do not, nor those of tests that were run again.
bool is_reported(const model::Test& test, const model::Recording& recording);

/// The test's verdict from those of `leaks`, its own leaks.
model::TestVerdict judge_test(const model::Test& test, const model::Recording& recording,
                              const std::vector<const Candidate*>& leaks);

/// A sentence for each role whose blocks were not judged, for people.
std::vector<std::string> notes_on(const std::map<model::ProcessRole, NotJudged>& not_judged);

}  // namespace leakgate::judge
