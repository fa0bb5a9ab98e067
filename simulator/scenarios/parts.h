// SPDX-License-Identifier: Apache-2.0
// What scenarios share: keeping the optimiser away from blocks, and learning the size of a standard
// container's node. A scenario allocates in small functions that are never inlined, so that function and line
// of the truth are exact.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <new>

#include "simulator/scenario.h"

#define LEAKGATE_SIM_NOINLINE [[gnu::noinline]]

namespace leakgate::simulator {

/// Tells the compiler that `block` is used, so that an allocation is never optimised away.
inline void keep(const void* block) {
  asm volatile("" : : "r"(block) : "memory");
}

/// Fills a block, as real code would.
inline void fill(void* block, std::size_t bytes) {
  std::memset(block, 0x5a, bytes);
  keep(block);
}

/// The clean twins of lost new[] and malloc'd blocks.
inline void release(char* block) {
  delete[] block;
}

/// Sum of what NodeMeter handed out in this thread.
inline thread_local std::size_t metered_bytes = 0;

/// A stateless allocator that notes sizes; as empty as std::allocator, so that nodes have the same layout
/// with both.
template <typename T>
struct NodeMeter {
  using value_type = T;
  NodeMeter() = default;
  template <typename U>
  explicit(false) NodeMeter(const NodeMeter<U>&) {}
  T* allocate(std::size_t n) {
    metered_bytes += n * sizeof(T);
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* block, std::size_t n) { std::allocator<T>().deallocate(block, n); }
  template <typename U>
  bool operator==(const NodeMeter<U>&) const {
    return true;
  }
};

/// Bytes of the one block that std::make_shared<T>() allocates.
template <typename T>
std::size_t shared_block_bytes() {
  metered_bytes = 0;
  keep(std::allocate_shared<T>(NodeMeter<T>()).get());
  return metered_bytes;
}

/// Bytes of one node of std::map<K, V>.
template <typename K, typename V>
std::size_t map_node_bytes() {
  metered_bytes = 0;
  std::map<K, V, std::less<K>, NodeMeter<std::pair<const K, V>>> map;
  map.emplace();
  return metered_bytes;
}

std::span<const Scenario> basic_scenarios();
std::span<const Scenario> kind_scenarios();
std::span<const Scenario> cause_scenarios();
std::span<const Scenario> library_scenarios();
std::span<const Scenario> thread_scenarios();
std::span<const Scenario> benign_scenarios();
std::span<const Scenario> growth_scenarios();
std::span<const Scenario> shape_scenarios();
std::span<const Scenario> ownership_scenarios();
std::span<const Scenario> lifetime_scenarios();
std::span<const Scenario> root_scenarios();
std::span<const Scenario> plugin_scenarios();

}  // namespace leakgate::simulator
