// SPDX-License-Identifier: Apache-2.0
// Runs a command with empty eBPF programs on its allocation functions: no ledger, no stacks, only the traps.
// In: a command and where the probes go. Out: its exit status.
#pragma once

#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/launch/caller_state.h"

namespace leakgate::bench {

/// planned: where leakgate places them. entry: on each function's first instruction, as other tools do.
enum class Placement { planned, entry };

/// Probes the command's C library in a private copy, as `leakgate run` does, and runs it to its end. Gives
/// the exit status as a shell does. Fails where the kernel refuses the programs or the command cannot be
/// started.
Result<int> run_with_empty_probes(const std::vector<std::string>& command, Placement placement,
                                  const launch::CallerState& caller);

}  // namespace leakgate::bench
