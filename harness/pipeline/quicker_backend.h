// SPDX-License-Identifier: Apache-2.0
// Whether the preload backend would have been quicker: for each call it does in the process what eBPF does
// behind a trap. In: what the run counted, and what a pair cost in it. Out: a sentence, or nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/model/trace.h"

namespace leakgate::pipeline {

struct CallCosts {
  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;
  double processor_s = 0;  ///< of all processes of the command
  double pair_ns = 0;      ///< what a malloc/free pair took under the probes of this run
};

/// What a pair takes under the preload backend, with room to spare: `leakgate calibrate` measures it.
inline constexpr double kPreloadPairNs = 350;

/// Nothing where it is not worth a word: less than a second, or than a fifth of the run.
std::optional<std::string> describe_quicker_backend(const CallCosts& costs);

/// False where a program ran that the preload backend cannot trace (docs/backends.md).
bool can_all_be_preloaded(const model::Trace& trace);

}  // namespace leakgate::pipeline
