// SPDX-License-Identifier: Apache-2.0
// A sorted array, walked beside the blocks: a suite with thousands of tests comes here at each of their ends.
#include "harness/capture/known_blocks.h"

#include <algorithm>
#include <array>
#include <utility>

namespace leakgate::capture {
namespace {

constexpr std::size_t kRadixLeast = 512;
/// Beyond, the second copy that a radix sort needs weighs more than the time it saves.
constexpr std::size_t kRadixMost = 1u << 20;
constexpr unsigned kDigitBits = 11;

struct Place {
  std::uint64_t address;
  std::uint32_t index;
};

/// Least significant digit first; digits in which no two addresses differ are left out.
void radix_sort(std::vector<Place>& places) {
  std::uint64_t differing = 0;
  for (const Place& place : places)
    differing |= place.address ^ places.front().address;
  std::vector<Place> other(places.size());
  for (unsigned shift = 4; shift < 64; shift += kDigitBits) {
    constexpr std::uint64_t kMask = (1u << kDigitBits) - 1;
    if (((differing >> shift) & kMask) == 0) continue;
    std::array<std::uint32_t, kMask + 1> starts{};
    for (const Place& place : places)
      ++starts[place.address >> shift & kMask];
    std::uint32_t sum = 0;
    for (std::uint32_t& start : starts)
      sum += std::exchange(start, sum);
    for (const Place& place : places)
      other[starts[place.address >> shift & kMask]++] = place;
    places.swap(other);
  }
}

}  // namespace

bool overlaps(std::span<const model::HeldBlock> blocks, const model::HeldBlock& block) {
  const auto end_of = [](const model::HeldBlock& each) {
    return each.address + std::max<std::uint64_t>(each.size_bytes, 1);
  };
  const auto next = std::lower_bound(
      blocks.begin(), blocks.end(), block.address,
      [](const model::HeldBlock& each, std::uint64_t address) { return each.address < address; });
  if (next != blocks.end() && next->address < end_of(block)) return true;
  return next != blocks.begin() && end_of(*(next - 1)) > block.address;
}

void sort_by_address(std::vector<model::HeldBlock>& blocks) {
  const auto before = [](const auto& a, const auto& b) { return a.address < b.address; };
  const bool low_bits_differ = std::any_of(blocks.begin(), blocks.end(), [](const auto& block) {
    return (block.address & 15) != 0;  // an allocator of the program's own
  });
  if (blocks.size() < kRadixLeast || blocks.size() > kRadixMost || low_bits_differ) {
    std::sort(blocks.begin(), blocks.end(), before);
    return;
  }
  std::vector<Place> places(blocks.size());
  for (std::uint32_t i = 0; i < blocks.size(); ++i)
    places[i] = {blocks[i].address, i};
  radix_sort(places);
  std::vector<model::HeldBlock> sorted;
  sorted.reserve(blocks.size());
  for (const Place& place : places)
    sorted.push_back(blocks[place.index]);
  blocks.swap(sorted);
}

void KnownBlocks::recall(std::span<model::HeldBlock> blocks) const {
  auto row = rows_.begin();
  for (model::HeldBlock& block : blocks) {
    while (row != rows_.end() && row->address < block.address)
      ++row;
    if (row == rows_.end()) return;
    if (row->address == block.address && row->time_ms == block.time_ms && row->stack == block.stack)
      block.lost_after = row->lost_after;
  }
}

void KnownBlocks::keep(std::span<const model::HeldBlock> blocks, std::span<const model::Kind> kinds,
                       std::uint32_t window, std::uint32_t last_window) {
  rows_.clear();
  rows_.reserve(blocks.size());
  for (std::size_t i = 0; i < blocks.size() && i < kinds.size(); ++i) {
    const model::HeldBlock& block = blocks[i];
    if (block.inherited) continue;
    const bool reachable = kinds[i] == model::Kind::still_reachable || kinds[i] == model::Kind::unclassified;
    const std::uint32_t first_lost = block.window > last_window ? block.window : window;
    rows_.push_back({block.address, block.time_ms, block.stack,
                     reachable          ? 0
                     : block.lost_after ? block.lost_after
                                        : first_lost,
                     kinds[i]});
  }
}

model::Kind KnownBlocks::last_kind(const lg_live_key& key, const lg_live& block) const {
  const auto row = std::lower_bound(rows_.begin(), rows_.end(), key.addr,
                                    [](const Row& a, std::uint64_t address) { return a.address < address; });
  const bool same = row != rows_.end() && row->address == key.addr && row->time_ms == block.time_ms &&
                    row->stack == block.stack;
  return same ? row->kind : model::Kind::unclassified;
}

}  // namespace leakgate::capture
