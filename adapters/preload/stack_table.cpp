// SPDX-License-Identifier: Apache-2.0
// Distinct stacks: a tree of frames, and counters for each path through it. Found without a lock; what is new
// is entered under one, with signals held back. Nodes have dense numbers; the index over them is made anew,
// twice as large, when it fills up.
#include "adapters/preload/state.h"

namespace leakgate::preload {
namespace {

Node* nodes() {
  return reinterpret_cast<Node*>(g.region_bytes + kNodesAt);
}

/// Index number n has 2^(kFirstIndexBits+n) entries and stands behind all smaller ones.
u32* index_at(u32 number) {
  const u64 before = (u64{1} << (kFirstIndexBits + number)) - (u64{1} << kFirstIndexBits);
  return reinterpret_cast<u32*>(g.region_bytes + kNodeIndexAt) + before;
}
u32 index_mask(u32 number) {
  return (1u << (kFirstIndexBits + number)) - 1;
}

u64 node_hash(u32 parent, u64 frame) {
  u64 hash = (frame ^ static_cast<u64>(parent) << 32) * 0x9e3779b97f4a7c15ull;
  hash = (hash ^ hash >> 31) * 0xbf58476d1ce4e5b9ull;
  return hash ^ hash >> 29;
}

u32 find_node(u32 number, u64 hash, u32 parent, u64 frame) {
  const u32* const index = index_at(number);
  const u32 mask = index_mask(number);
  for (u32 turn = 0; turn <= mask; ++turn) {
    const u32 id = load(index[(static_cast<u32>(hash) + turn) & mask]);
    if (!id) return 0;
    const Node& node = nodes()[id];
    if (node.frame == frame && node.parent == parent) return id;
  }
  return 0;
}

void enter(u32 number, u64 hash, u32 id) {
  u32* const index = index_at(number);
  const u32 mask = index_mask(number);
  for (u32 turn = 0; turn <= mask; ++turn) {
    u32& place = index[(static_cast<u32>(hash) + turn) & mask];
    if (place) continue;
    store(place, id);
    return;
  }
}

/// Holds the table's lock, and keeps signal handlers, which would wait for it for ever, from running.
class Lock {
 public:
  Lock() {
    const u64 all = ~0ull;
    system_call(SYS_rt_sigprocmask, 2, word(&all), word(&mask_), 8);
    u32 free = 0;
    while (!__atomic_compare_exchange_n(&g.region->node_lock, &free, 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
      free = 0;
      system_call(SYS_sched_yield);
    }
  }
  ~Lock() {
    store(g.region->node_lock, 0u);
    system_call(SYS_rt_sigprocmask, 2, word(&mask_), 0, 8);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  u64 mask_ = 0;
};

/// Makes the next index, which has twice the room.
void grow_index() {
  Region& region = *g.region;
  const u32 number = region.index_number + 1;
  for (u32 id = 1; id <= region.nodes; ++id)
    enter(number, node_hash(nodes()[id].parent, nodes()[id].frame), id);
  store(region.index_number, number);
}

u32 add_node(u64 hash, u32 parent, u64 frame) {
  Region& region = *g.region;
  const Lock lock;
  if (const u32 id = find_node(region.index_number, hash, parent, frame); id) return id;
  if (region.nodes + 1 >= kMaxNodes) return 0;
  const u32 id = region.nodes + 1;
  nodes()[id] = {frame, parent, 0};
  store(region.nodes, id);
  enter(region.index_number, hash, id);
  if (id > index_mask(region.index_number) / 4 * 3) grow_index();
  return id;
}

u32 new_stack(u32 node, u32 function, u32 truncated) {
  const u64 limit = g.header->max_stacks ? g.header->max_stacks : kMaxStacks - 1;
  const u32 id = __atomic_add_fetch(&g.region->stacks, 1, __ATOMIC_RELAXED);
  if (id > limit) {
    __atomic_fetch_sub(&g.region->stacks, 1, __ATOMIC_RELAXED);
    lose(LG_LOST_stack_table_full);
    return 0;
  }
  lg_stack& stack = *stack_slot(id);
  stack.node = node;
  stack.function = static_cast<u16>(function);
  stack.truncated = static_cast<u16>(truncated);
  return id;
}

}  // namespace

lg_stack* stack_slot(u32 id) {
  return id ? reinterpret_cast<lg_stack*>(g.region_bytes + kStacksAt) + id : nullptr;
}

u32 node_of(u32 parent, u64 frame) {
  const u64 hash = node_hash(parent, frame);
  u32 id = find_node(load(g.region->index_number), hash, parent, frame);
  if (!id) id = add_node(hash, parent, frame);
  if (!id) lose(LG_LOST_stack_table_full);
  return id;
}

u32 stack_of(u32 node, u32 function, u32 truncated) {
  const u32 leaf = node_of(node, LG_FRAME_LEAF(function, truncated));
  if (!leaf) return 0;
  u32& stack = nodes()[leaf].stack;
  if (const u32 known = load(stack); known) return known;
  const u32 id = new_stack(node, function, truncated);
  u32 none = 0;
  if (!id) return 0;
  return __atomic_compare_exchange_n(&stack, &none, id, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ? id
                                                                                                   : none;
}

}  // namespace leakgate::preload
