// SPDX-License-Identifier: Apache-2.0
// Family kind: what a lost block is at the end. Trees, cycles, interior pointers, reachable growth.
// Members of a cycle are written down as definitely lost with the cycle mark: which of them is the entry is
// arbitrary.
#include <array>
#include <cstdlib>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {
namespace {

struct TreeNode {
  TreeNode* left = nullptr;
  TreeNode* right = nullptr;
  std::uint64_t value = 0;
};

LEAKGATE_SIM_NOINLINE TreeNode* new_root(Site& site) {
  return LEAKGATE_SIM_AT(site, new TreeNode());
}

LEAKGATE_SIM_NOINLINE TreeNode* new_child(Site& site) {
  return LEAKGATE_SIM_AT(site, new TreeNode());
}

void delete_tree(TreeNode* node) {
  if (node == nullptr) return;
  delete_tree(node->left);
  delete_tree(node->right);
  delete node;
}

void lost_tree(Run& run) {
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site root_site;
    Site child_site;
    TreeNode* root = new_root(root_site);
    root->left = new_child(child_site);
    root->right = new_child(child_site);
    root->left->left = new_child(child_site);
    keep(root);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, root_site, sizeof(TreeNode));
      run.lost(Kind::indirectly_lost, child_site, 3 * sizeof(TreeNode), 3);
    } else {
      delete_tree(root);
    }
  }
}

struct RingNode {
  RingNode* next = nullptr;
  std::uint64_t payload[5] = {};
};

LEAKGATE_SIM_NOINLINE RingNode* new_ring_node(Site& site) {
  return LEAKGATE_SIM_AT(site, new RingNode());
}

void ring_of(Run& run, std::uint32_t members) {
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site site;
    RingNode* first = new_ring_node(site);
    RingNode* last = first;
    for (std::uint32_t member = 1; member < members; ++member) {
      last->next = new_ring_node(site);
      last = last->next;
    }
    last->next = first;
    keep(first);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, members * sizeof(RingNode), members, true);
      continue;
    }
    last->next = nullptr;
    while (first != nullptr) {
      RingNode* next = first->next;
      delete first;
      first = next;
    }
  }
}

void raw_cycle(Run& run) {
  ring_of(run, 2);
}

void three_way_cycle(Run& run) {
  ring_of(run, 3);
}

struct Partner {
  std::shared_ptr<Partner> other;
  std::uint64_t payload[3] = {};
};

LEAKGATE_SIM_NOINLINE std::shared_ptr<Partner> make_partner(Site& site) {
  return LEAKGATE_SIM_AT(site, std::make_shared<Partner>());
}

void shared_ptr_cycle(Run& run) {
  const std::size_t bytes = shared_block_bytes<Partner>();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site site;
    const std::shared_ptr<Partner> left = make_partner(site);
    const std::shared_ptr<Partner> right = make_partner(site);
    left->other = right;
    right->other = left;
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, 2 * bytes, 2, true);
    } else {
      right->other.reset();
    }
  }
}

/// Interior pointers are all that is kept of these blocks. Leaked ones stay until the process ends.
constexpr std::size_t kMaxHeld = 4096;
std::array<char*, kMaxHeld> held_interiors;
std::size_t held_count = 0;

LEAKGATE_SIM_NOINLINE char* packet_block(Site& site, std::size_t bytes) {
  return static_cast<char*>(LEAKGATE_SIM_AT(site, std::malloc(bytes)));
}

void interior_pointer(Run& run) {
  constexpr std::size_t kHeaderBytes = 4;
  SizeSequence sizes = run.sizes();
  const std::size_t first = held_count;
  for (std::uint32_t round = 0; round < run.count() && held_count < kMaxHeld; ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    char* packet = packet_block(site, bytes);
    fill(packet, bytes);
    held_interiors[held_count++] = packet + kHeaderBytes;
    if (run.leaking()) run.lost(Kind::possibly_lost, site, bytes);
  }
  while (!run.leaking() && held_count > first) {
    std::free(held_interiors[--held_count] - kHeaderBytes);
    held_interiors[held_count] = nullptr;
  }
}

using Cache = std::map<std::uint32_t, char*>;

/// One never evicted cache per twin, so that the twins can run in one process.
Cache* caches[2] = {nullptr, nullptr};

LEAKGATE_SIM_NOINLINE Cache* new_cache(Site& site) {
  return LEAKGATE_SIM_AT(site, new Cache());
}

LEAKGATE_SIM_NOINLINE char* new_answer(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

LEAKGATE_SIM_NOINLINE void remember(Site& site, Cache& cache, char* answer) {
  const auto key = static_cast<std::uint32_t>(cache.size());
  LEAKGATE_SIM_AT(site, cache.emplace(key, answer));
}

void reachable_cache(Run& run) {
  const std::size_t node_bytes = map_node_bytes<std::uint32_t, char*>();
  SizeSequence sizes = run.sizes();
  Cache*& cache = caches[run.leaking() ? 0 : 1];
  Site cache_site;
  if (cache == nullptr) {
    cache = new_cache(cache_site);
    if (run.leaking()) run.lost(Kind::still_reachable, cache_site, sizeof(Cache));
  }
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site answer_site;
    Site node_site;
    char* answer = new_answer(answer_site, bytes);
    fill(answer, bytes);
    remember(node_site, *cache, answer);
    if (run.leaking()) {
      run.lost(Kind::still_reachable, answer_site, bytes);
      run.lost(Kind::still_reachable, node_site, node_bytes);
    }
  }
  if (run.leaking()) return;
  for (const auto& [key, answer] : *cache) {
    release(answer);
  }
  delete cache;
  cache = nullptr;
}

constexpr Parameters kDefaults{5, 64, 1, 1};
constexpr Scenario kScenarios[] = {
    {"lost_tree", "kind", "the root of a tree of four nodes is dropped", "the tree is deleted", kDefaults,
     lost_tree},
    {"raw_cycle", "kind", "two nodes that point at each other are dropped", "the ring is cut and deleted",
     kDefaults, raw_cycle},
    {"three_way_cycle", "kind", "three nodes in a ring are dropped", "the ring is cut and deleted", kDefaults,
     three_way_cycle},
    {"shared_ptr_cycle", "kind", "two objects own each other by shared_ptr", "one side lets go", kDefaults,
     shared_ptr_cycle},
    {"interior_pointer", "kind", "only a pointer behind the header of each packet is kept",
     "the packets are freed through it", kDefaults, interior_pointer},
    {"reachable_cache", "kind", "a cache behind a global pointer grows and is never evicted",
     "the cache is emptied", kDefaults, reachable_cache},
};

}  // namespace

std::span<const Scenario> kind_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator
