// SPDX-License-Identifier: Apache-2.0
// There is seldom any, and hardly ever more than one.
#include "harness/capture/memory_in_hand.h"

#include <algorithm>
#include <vector>

#include "harness/capture/known_blocks.h"

namespace leakgate::capture {
namespace {

/// Whether all of it is mapped: a search for pointers goes through it from one end to the other.
bool is_mapped(const std::vector<model::HeldMapping>& mappings, std::uint64_t address, std::uint64_t bytes) {
  auto row =
      std::upper_bound(mappings.begin(), mappings.end(), address,
                       [](std::uint64_t at, const model::HeldMapping& mapping) { return at < mapping.end; });
  for (; row != mappings.end() && row->start <= address; ++row) {
    const std::uint64_t here = row->end - address;
    if (bytes <= here) return true;
    bytes -= here;
    address = row->end;
  }
  return false;
}

}  // namespace

void add_in_hand(model::HeldProcess& view) {
  std::vector<model::HeldBlock> added;
  for (const model::HeldThread& thread : view.threads)
    for (const model::HeldThread::InHand& memory : thread.in_hand) {
      if (memory.size_bytes == 0 || !is_mapped(view.mappings, memory.address, memory.size_bytes)) continue;
      model::HeldBlock block;
      block.address = memory.address;
      block.size_bytes = memory.size_bytes;
      block.inherited = 1;
      if (overlaps(view.blocks, block) || overlaps(added, block)) continue;
      added.push_back(block);
      sort_by_address(added);
    }
  if (added.empty()) return;
  view.blocks.insert(view.blocks.end(), added.begin(), added.end());
  sort_by_address(view.blocks);
}

}  // namespace leakgate::capture
