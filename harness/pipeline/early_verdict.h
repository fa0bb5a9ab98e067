// SPDX-License-Identifier: Apache-2.0
// The verdict on one test while its process waits for it: the stages right of capture, over a trace of that
// test alone. In: a question's trace. Out: the answer.
#pragma once

#include <memory>
#include <string>

#include "harness/model/question.h"
#include "harness/pipeline/record.h"
#include "harness/pipeline/resolve_stacks.h"

namespace leakgate::pipeline {

/// What capture calls when an adapter asks of a command that runs in `cwd`. Rules that need the whole run
/// (limits of the run, the same leak in so many tests) are left to the verdict at the end.
model::AnswerQuestion early_verdicts(const RecordRequest& request, const std::string& cwd,
                                     std::shared_ptr<StackResolver> resolver);

}  // namespace leakgate::pipeline
