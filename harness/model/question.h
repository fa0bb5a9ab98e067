// SPDX-License-Identifier: Apache-2.0
// What an adapter in a traced process asks of leakgate, and what it is told: the verdict on one test, suite
// or scope while the process is held. Asked by capture, answered by the pipeline.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "harness/model/trace.h"

namespace leakgate::model {

/// Outstanding blocks of one kind.
struct AnswerFigures {
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
};

struct Answer {
  std::uint64_t leaks = 0;               ///< sites that fail
  AnswerFigures leaked;                  ///< what they leak
  std::array<AnswerFigures, 5> kinds{};  ///< all that is outstanding, by Kind
  std::string text;                      ///< the leaks, for people; empty where there are none
};

/// The answer to a question. The trace has one process, the window asked about (if it is a test's) and its
/// scopes, and the blocks of those, classified.
using AnswerQuestion = std::function<Answer(const Trace&)>;

}  // namespace leakgate::model
