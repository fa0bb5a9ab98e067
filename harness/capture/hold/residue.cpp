// SPDX-License-Identifier: Apache-2.0
// The word above is compared with the innermost frame of the block's stack.
#include "harness/capture/hold/residue.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "harness/capture/stack_reader.h"

namespace leakgate::capture {

bool Residue::covers(const model::HeldBlock& block, std::uint64_t address) const {
  std::uint64_t above = 0;
  std::array<std::byte, sizeof above> bytes;
  if (view_.read(address + sizeof above, bytes) != bytes.size()) return false;
  std::memcpy(&above, bytes.data(), sizeof above);
  const auto mapping =
      std::find_if(view_.mappings.begin(), view_.mappings.end(), [above](const model::HeldMapping& row) {
        return above >= row.start && above < row.end && row.executable && row.module != model::kNone;
      });
  if (mapping == view_.mappings.end()) return false;
  const auto stack = session_.stack(block.stack);
  if (!stack || stack->frames.empty() || stack->counters.function == LG_FN_operator_new) return false;
  const model::TraceFrame caller = frame_of(stack->frames.front(), modules_.modules().size());
  return caller.module == mapping->module && caller.address == above - mapping->bias;
}

}  // namespace leakgate::capture
