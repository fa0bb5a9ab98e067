// SPDX-License-Identifier: Apache-2.0
// What cases hold their blocks in, without an allocation of their own.
#pragma once

#include <array>
#include <utility>

#include "simulator/growth/repetition.h"
#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {

/// A list through the blocks' first words; it only grows.
class HeldList {
 public:
  void add(char* block, std::size_t bytes) {
    fill(block, bytes);
    first_ = new (block) Node{first_};
  }
  void clear() {
    while (first_ != nullptr)
      release(reinterpret_cast<char*>(std::exchange(first_, first_->before)));
  }

 private:
  struct Node {
    Node* before;
  };
  Node* first_ = nullptr;
};

/// Places for up to kPlaces blocks; a new one takes the oldest one's place.
class HeldRing {
 public:
  static constexpr std::size_t kPlaces = 64;
  void add(char* block, std::size_t bytes, std::size_t places) {
    fill(block, bytes);
    release(std::exchange(blocks_[next_++ % places], block));
  }
  /// Puts it where it is told to.
  void put(char* block, std::size_t bytes, std::size_t place) {
    fill(block, bytes);
    release(std::exchange(blocks_[place], block));
  }
  [[nodiscard]] bool has(std::size_t place) const { return blocks_[place] != nullptr; }

 private:
  std::array<char*, kPlaces> blocks_{};
  std::size_t next_ = 0;
};

}  // namespace leakgate::simulator
