// SPDX-License-Identifier: Apache-2.0
// The word above is compared with the innermost frame of the block's stack.
#include "harness/capture/hold/residue.h"

#include <algorithm>
#include <iterator>

#include "harness/capture/stack_reader.h"

namespace leakgate::capture {

Residue::Residue(const Session& session, const ModuleTable& modules,
                 std::span<const model::HeldMapping> mappings)
    : session_(session), modules_(modules) {
  for (const model::HeldMapping& row : mappings)
    if (row.executable && row.module != model::kNone) code_.push_back(&row);
}

bool Residue::covers(const model::HeldBlock& block, std::uint64_t above) const {
  const auto next = std::upper_bound(
      code_.begin(), code_.end(), above,
      [](std::uint64_t address, const model::HeldMapping* row) { return address < row->start; });
  if (next == code_.begin()) return false;
  const model::HeldMapping& mapping = **std::prev(next);
  if (above >= mapping.end) return false;
  const auto stack = session_.stack(block.stack);
  if (!stack || stack->frames.empty() || stack->counters.function == LG_FN_operator_new) return false;
  const model::TraceFrame caller = frame_of(stack->frames.front(), modules_.modules().size());
  return caller.module == mapping.module && caller.address == above - mapping.bias;
}

}  // namespace leakgate::capture
