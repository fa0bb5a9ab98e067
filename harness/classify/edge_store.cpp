// SPDX-License-Identifier: Apache-2.0
// Packs pointers and finds room for them: in pages shared by many blocks, or in a row of their own if they
// are many.
#include "harness/classify/edge_store.h"

#include <algorithm>
#include <utility>

namespace leakgate::classify {
namespace {
constexpr std::uint64_t kLargestBudget = std::uint64_t{8}
                                         << 30;  // places in pages are 32-bit numbers of words
}

void EdgeList::add(const BlockPointer& pointer) {
  const std::uint32_t word = pointer.target | (pointer.offset ? kInterior : 0);
  const std::uint32_t offset =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(pointer.offset, kFarOffset));
  if (last_ != kNothing && words_[last_] == word && (offset == 0 || words_[last_ + 1] == offset)) return;
  last_ = words_.size();
  words_.push_back(word);
  if (offset) words_.push_back(offset);
}

void EdgeList::append(const EdgeList& other) {
  if (other.empty()) return;
  last_ = words_.size() + other.last_;
  words_.insert(words_.end(), other.words_.begin(), other.words_.end());
}

std::span<const std::uint32_t> EdgeList::finished() {
  words_[last_] |= kLast;
  return words_;
}

EdgeStore::EdgeStore(std::size_t blocks, std::uint64_t budget_bytes)
    : left_bytes_(std::min(budget_bytes, kLargestBudget)), where_(blocks, kNone) {
  pages_.resize(left_bytes_ / (kPageWords * sizeof(std::uint32_t)));
}

void EdgeStore::keep(Writer& writer, std::uint32_t block, EdgeList& edges) {
  if (edges.empty()) return;
  const std::span<const std::uint32_t> words = edges.finished();
  if (words.size() > kPageWords / 4) return keep_large(block, words);
  if (kPageWords - writer.used < words.size() && !open_page(writer)) {
    where_[block] = kReadAgain;
    return;
  }
  std::copy(words.begin(), words.end(), pages_[writer.page].get() + writer.used);
  where_[block] = writer.page * kPageWords + static_cast<std::uint32_t>(writer.used);
  writer.used += words.size();
}

void EdgeStore::keep_part(std::uint32_t block, std::uint64_t part, EdgeList edges) {
  if (edges.empty()) return;
  const std::lock_guard lock(mutex_);
  if (where_[block] == kReadAgain) return;
  const std::uint64_t bytes = edges.words_.size() * sizeof(std::uint32_t);
  if (left_bytes_ < bytes) {
    where_[block] = kReadAgain;
    parts_.erase(block);  // their bytes stay spent: a block gives up once
    return;
  }
  left_bytes_ -= bytes;
  parts_[block][part] = std::move(edges);
}

void EdgeStore::join_parts() {
  for (auto& [block, parts] : parts_) {
    EdgeList all;
    for (auto& [part, edges] : parts) {
      all.append(edges);
      edges = {};
    }
    const std::span<const std::uint32_t> words = all.finished();
    where_[block] = kLarge + static_cast<std::uint32_t>(large_.size());
    large_.emplace_back(words.begin(), words.end());
  }
  parts_.clear();
}

void EdgeStore::keep_large(std::uint32_t block, std::span<const std::uint32_t> words) {
  const std::lock_guard lock(mutex_);
  if (!take(words.size_bytes()) || large_.size() >= kReadAgain - kLarge - 1) {
    where_[block] = kReadAgain;
    return;
  }
  where_[block] = kLarge + static_cast<std::uint32_t>(large_.size());
  large_.emplace_back(words.begin(), words.end());
}

bool EdgeStore::open_page(Writer& writer) {
  const std::lock_guard lock(mutex_);
  if (pages_used_ >= pages_.size() || !take(kPageWords * sizeof(std::uint32_t))) return false;
  // Left uninitialised: a small heap touches little of its page.
  pages_[pages_used_] = std::unique_ptr<std::uint32_t[]>(new std::uint32_t[kPageWords]);
  writer.page = pages_used_++;
  writer.used = 0;
  return true;
}

bool EdgeStore::take(std::uint64_t bytes) {
  if (left_bytes_ < bytes) return false;
  left_bytes_ -= bytes;
  return true;
}

}  // namespace leakgate::classify
