// SPDX-License-Identifier: Apache-2.0
// Words that the tracer itself left on a stack, which may lie in any memory: a coroutine's, one that the
// program gave a thread. In: a held process, its stacks of allocations. Out: whether a word that holds a
// block's start is one of them, and so no pointer of the program's.
//
// From Linux 6.11 on a return probe pushes registers where the call's return address stood and below it.
// Before the function goes on, the return address stands there again, and right below it rcx, in which the C
// library's malloc has the new block. A frame that covers both words later and writes neither makes the block
// look held. While the call is under way the kernel's own address stands in the place of the return address:
// a pointer that the allocator's frames save there is never taken for a residue.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "harness/capture/modules.h"
#include "harness/capture/session.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {

class Residue {
 public:
  /// `mappings` by address. All must outlive the object; they stay the caller's.
  Residue(const Session& session, const ModuleTable& modules, std::span<const model::HeldMapping> mappings);

  /// Whether `above`, right below which a word holds the start of `block`, is the address to which the call
  /// returned that allocated this block, by a function with a return probe. From several threads at once.
  [[nodiscard]] bool covers(const model::HeldBlock& block, std::uint64_t above) const;

 private:
  const Session& session_;
  const ModuleTable& modules_;
  std::vector<const model::HeldMapping*> code_;  ///< by address
};

}  // namespace leakgate::capture
