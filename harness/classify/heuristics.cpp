// SPDX-License-Identifier: Apache-2.0
// The rules, as Valgrind's manual and behaviour define them; two of ours: `new T[0]` of a class with a
// destructor, whose pointer lies one past a block that holds the count 0 alone; and glibc's tsearch(), whose
// nodes have a key, a left and a right branch, and in the lowest bit of the left one their colour
// (misc/tsearch.c). glibc keeps what iconv, gettext and setenv know in such trees.
#include "harness/classify/heuristics.h"

#include "harness/classify/edge_store.h"

namespace leakgate::classify {
namespace {
constexpr std::uint64_t kWord = 8;
constexpr std::uint64_t kStringHeaderBytes = 3 * kWord;
constexpr std::uint64_t kFirstPageEnd = 4096;
constexpr std::uint64_t kNodeBytes = 3 * kWord, kColour = 1;
}  // namespace

bool VtableMemo::operator()(std::uint64_t word) {
  if (word % kWord != 0 || word < kFirstPageEnd || !is_vtable_) return false;
  Entry& entry = entries_[(word / kWord * 0x9e3779b97f4a7c15u) >> 56];
  if (entry.word != word) entry = {word, is_vtable_(word)};
  return entry.vtable;
}

std::uint8_t facts_of(std::span<const std::uint64_t> head, std::uint64_t size_bytes, VtableMemo& vtables) {
  if (head.empty()) return 0;
  const std::uint64_t first = head[0];
  std::uint8_t facts = 0;
  if (head.size() > 1 && size_bytes > kStringHeaderBytes && head[1] == size_bytes - kStringHeaderBytes - 1 &&
      first <= head[1]) {
    facts |= kStringHeader;
  }
  if (head.size() > 1 && size_bytes == kNodeBytes && head[1] % kWord == kColour && head[1] >= kFirstPageEnd)
    facts |= kMarkedNode;
  if (size_bytes == kWord && first == 0) facts |= kEmptyArray;
  if (size_bytes > kWord && first > 0) {
    if ((size_bytes - kWord) % first == 0) facts |= kArrayCount;
    if (size_bytes - kWord == first) facts |= kLengthHeader;
  }
  if (vtables(first)) facts |= kVtable;
  return facts;
}

Reach InteriorRules::judge_interior(std::uint32_t target, std::uint32_t offset, std::uint32_t holder) {
  if (!points_at(target, offset)) return Reach::none;
  if (offset == kColour && options_.search_tree && holder != kNoHolder && (facts_[holder] & kMarkedNode) &&
      index_.size_bytes(target) == kNodeBytes)
    return Reach::search_tree;
  const std::uint8_t facts = facts_[target];
  if (facts != 0) {
    if (offset == kStringHeaderBytes && options_.std_string && (facts & kStringHeader))
      return Reach::std_string;
    if (offset == kWord && options_.length64 && (facts & kLengthHeader)) return Reach::length64;
    if (offset == kWord && options_.new_array && (facts & (kArrayCount | kEmptyArray)))
      return Reach::new_array;
    if (options_.multiple_inheritance && (facts & kVtable) && inner_vtable(target, offset)) {
      return Reach::multiple_inheritance;
    }
  }
  if (options_.explains_interior && offset != kFarOffset) {
    const LiveBlock block{index_.address(target), index_.size_bytes(target), index_.id(target)};
    if (options_.explains_interior(block, offset)) return Reach::explained;
  }
  return Reach::interior;
}

bool InteriorRules::inner_vtable(std::uint32_t target, std::uint32_t offset) {
  const std::uint64_t address = index_.address(target) + offset;
  if (offset == kFarOffset || address % kWord != 0 || index_.end(target) - address < kWord) return false;
  std::uint64_t word = 0;
  return read_(address, std::as_writable_bytes(std::span(&word, 1))) == sizeof(word) && vtables_(word);
}

}  // namespace leakgate::classify
