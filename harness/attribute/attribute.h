// SPDX-License-Identifier: Apache-2.0
// Attribution: which process images are judged, and which test every outstanding block belongs to. In: a
// trace. Out: the processes and tests of a recording, and where each (process, window) of the trace went.
// Pure: reads nothing but the trace.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/model/recording.h"
#include "harness/model/trace.h"

namespace leakgate::attribute {

struct Attribution {
  std::vector<model::Process> processes;  ///< same indexes as Trace::processes
  std::vector<model::Test> tests;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t>
      test_of;  ///< (process, window or scope) -> index into tests
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string>
      section_of;  ///< (process, scope) -> "outer / inner"
};

/// Never fails: what the trace does not tell is left empty. A process image whose windows are known has one
/// test per window and, when something happened outside them, "(outside tests)"; one without a framework is
/// one test named after its file.
Attribution attribute_blocks(const model::Trace& trace);

}  // namespace leakgate::attribute
