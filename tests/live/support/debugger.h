// SPDX-License-Identifier: Apache-2.0
// gdb as the judge of stacks: what it prints at an allocation, and how that compares with a leak of the
// result.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/live/support/program.h"

namespace leakgate::live {

/// A frame as both sides tell it, made comparable.
struct ComparedFrame {
  std::string name;  ///< unqualified, without template arguments and parameters; empty: unknown
  std::string file;  ///< empty: unknown
  std::uint64_t line = 0;
  std::string module;  ///< its real path
  std::uint64_t offset = 0;
  bool inlined = false;
  bool signal = false;  ///< gdb: where a signal handler returns to

  bool operator==(const ComparedFrame&) const = default;
};

/// Frames of a leak's "stack".
std::vector<ComparedFrame> from_result(const nlohmann::json& stack);

/// gdb's stacks at allocations of 70,000 to 70,999 bytes of `command`, by bytes; a failure and nothing where
/// gdb does not work. Frames that gdb infers for tail calls are left out: they are not on the stack.
std::map<std::uint64_t, std::vector<ComparedFrame>> debugger_stacks(const Scratch& scratch,
                                                                    const std::vector<std::string>& command);

/// Empty when `ours` equals `theirs` (its first `limit` machine frames, where that is not 0); else a
/// sentence. Where the two differ in what one machine frame is in the source, addr2line decides, and
/// `refuted` counts what it decides against gdb. Two such cases are known: of several line rows for one
/// address gdb takes the last that begins a statement, be it another function's; and it takes GCC's coroutine
/// clones for functions inlined into the caller.
std::string first_difference(const std::vector<ComparedFrame>& ours, const std::vector<ComparedFrame>& theirs,
                             std::size_t limit, const Scratch& scratch, std::size_t& refuted);

}  // namespace leakgate::live
