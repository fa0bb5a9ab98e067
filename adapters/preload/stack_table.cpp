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
NodeEntry* index_at(u32 number) {
  const u64 before = (u64{1} << (kFirstIndexBits + number)) - (u64{1} << kFirstIndexBits);
  return reinterpret_cast<NodeEntry*>(g.region_bytes + kNodeIndexAt) + before;
}
u32 index_mask(u32 number) {
  return (1u << (kFirstIndexBits + number)) - 1;
}

/// Of the frames from the outermost one on, given that of all but the last.
u32 path_hash(u32 outer, u64 frame) {
  u64 hash = (frame ^ static_cast<u64>(outer) << 32) * 0x9e3779b97f4a7c15ull;
  hash = (hash ^ hash >> 31) * 0xbf58476d1ce4e5b9ull;
  return static_cast<u32>(hash ^ hash >> 29);
}

u32 find_node(u32 number, u32 hash, u32 parent, u64 frame) {
  const NodeEntry* const index = index_at(number);
  const u32 mask = index_mask(number);
  for (u32 turn = 0; turn <= mask; ++turn) {
    const NodeEntry& entry = index[(hash + turn) & mask];
    const u32 id = load(entry.id);
    if (!id) return 0;
    if (entry.frame == frame && entry.parent == parent) return id;
  }
  return 0;
}

void enter(u32 number, u32 id) {
  NodeEntry* const index = index_at(number);
  const u32 mask = index_mask(number);
  const Node& node = nodes()[id];
  for (u32 turn = 0; turn <= mask; ++turn) {
    NodeEntry& entry = index[(node.hash + turn) & mask];
    if (entry.id) continue;
    entry.frame = node.frame;
    entry.parent = node.parent;
    store(entry.id, id);
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
    enter(number, id);
  store(region.index_number, number);
}

/// Under the lock. 0: no room.
u32 add_node(u32 hash, u32 parent, u64 frame) {
  Region& region = *g.region;
  if (const u32 id = find_node(region.index_number, hash, parent, frame); id) return id;
  if (region.nodes + 1 >= kMaxNodes) return 0;
  const u32 id = region.nodes + 1;
  nodes()[id] = {frame, parent, 0, hash, 0};
  store(region.nodes, id);
  enter(region.index_number, id);
  if (id > index_mask(region.index_number) / 4 * 3) grow_index();
  return id;
}

u32 new_stack(u32 node, u32 function, u32 truncated, u32 owner) {
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
  share_slot(id)->owner = owner;
  return id;
}

}  // namespace

u32 enter_path(u32 parent, FrameState* states, u32 count, u64 leaf) {
  const u32 index = load(g.region->index_number);
  u32 hashes[LG_MAX_FRAMES + 1];
  u32 hash = parent ? nodes()[parent].hash : 0;
  for (u32 i = 0; i <= count; ++i) {
    const u64 frame = i < count ? states[i].frame : leaf;
    hashes[i] = hash = frame ? path_hash(hash, frame) : hash;
    __builtin_prefetch(index_at(index) + (hash & index_mask(index)));
  }
  u32 id = parent, i = 0;
  for (; i <= count; ++i) {
    const u64 frame = i < count ? states[i].frame : leaf;
    const u32 found = frame ? find_node(index, hashes[i], id, frame) : id;
    if (!found && frame) break;
    id = found;
    if (i < count) states[i].node = id;
  }
  if (i > count) return id;
  // what is called from a new frame is new
  const Lock lock;
  for (; i <= count; ++i) {
    const u64 frame = i < count ? states[i].frame : leaf;
    if (frame) id = add_node(hashes[i], id, frame);
    if (!id) break;
    if (i < count) states[i].node = id;
  }
  if (i <= count) lose(LG_LOST_stack_table_full);
  return i <= count ? 0 : id;
}

u32 stack_of(u32 leaf, u32 function, u32 truncated, u32 owner) {
  if (!leaf) return 0;
  u32& stack = nodes()[leaf].stack;
  if (const u32 known = load(stack); known) return known;
  const u32 id = new_stack(nodes()[leaf].parent, function, truncated, owner);
  u32 none = 0;
  if (!id) return 0;
  return __atomic_compare_exchange_n(&stack, &none, id, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ? id
                                                                                                   : none;
}

}  // namespace leakgate::preload
