// SPDX-License-Identifier: Apache-2.0
// Where a function returns: the `ret` instructions that end a call of it, its tail calls followed. In: an
// ElfImage and the function's address. Out: addresses for plain probes. For functions that an exception may
// leave: those must not have a return probe (docs/decisions/0015).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/elf_image.h"

namespace leakgate::capture {

/// What is known elsewhere: functions whose results are seen by probes of their own.
struct SeenFunctions {
  std::function<bool(std::uint64_t vaddr)> is_seen;        ///< one that starts at this address of the file
  std::function<bool(std::string_view name)> is_imported;  ///< one of this name, defined wherever it may be
};

struct FunctionReturns {
  std::vector<std::uint64_t> vaddrs;  ///< sorted; only those reachable without passing a seen function
  bool passes_seen_function = false;  ///< a path calls one or ends in one
  std::string unknown;                ///< why some path could not be followed to its end; empty: all were
};

/// Follows the code at `vaddr` from its first instruction: both ways of each branch, tail calls into the same
/// file, no calls. A path ends where it calls a seen function: what it returns is that function's result.
FunctionReturns find_returns(const ElfImage& image, std::uint64_t vaddr, const SeenFunctions& seen);

}  // namespace leakgate::capture
