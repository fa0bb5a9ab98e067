/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Distinct stacks: a tree of frames, and counters for each path through it. Content decides: two walks that
 * saw the same frames get the same id, whatever hashes say. See docs/decisions/0011.
 */
#ifndef LEAKGATE_STACK_TABLE_BPF_H
#define LEAKGATE_STACK_TABLE_BPF_H

#include "tables.bpf.h"

static __always_inline struct lg_stack *stack_slot(__u32 id)
{
	__u32 tier = (id - 1) / LG_STACKS_PER_TIER, slot = (id - 1) % LG_STACKS_PER_TIER;
	void *stacks;

	if (!id)
		return NULL;
	if (!tier)
		return keep_call(bpf_map_lookup_elem(&stacks_first, &slot));
	stacks = bpf_map_lookup_elem(&stack_tiers, &tier);
	return stacks ? bpf_map_lookup_elem(stacks, &slot) : NULL;
}

static __always_inline __u64 node_hash(__u32 parent, __u64 frame)
{
	__u64 hash = (frame ^ (__u64)parent << 32) * 0x9e3779b97f4a7c15ULL;

	hash = (hash ^ hash >> 31) * 0xbf58476d1ce4e5b9ULL;
	return hash ^ hash >> 29;
}

static __always_inline __u32 node_place(__u32 tier, __u64 hash, __u32 choice)
{
	__u32 place = choice ? hash >> 32 : hash;

	return place & (((__u32)LG_NODE_FIRST_BUCKETS << (tier & 15)) - 1);
}

static __always_inline struct lg_node_bucket *node_bucket(__u32 tier, __u32 place)
{
	void *map;

	if (!tier)
		return keep_call(bpf_map_lookup_elem(&nodes_first, &place));
	map = bpf_map_lookup_elem(&node_tiers, &tier);
	return map ? bpf_map_lookup_elem(map, &place) : NULL;
}

static __always_inline __u32 node_id(__u32 tier, __u32 place, __u32 slot)
{
	return (LG_NODE_FIRST_BUCKETS * ((1U << (tier & 15)) - 1) + place) * LG_NODE_SLOTS + slot + 1;
}

/* The id of a node in one of its buckets; 0: it is not there. Global functions are verified once, whoever
 * calls them. */
__weak __noinline __u32 find_node(__u32 tier, __u32 place, __u32 parent, __u64 frame)
{
	struct lg_node_bucket *bucket = node_bucket(tier, place);
	__u32 slot;

	if (!bucket)
		return 0;
	for (slot = 0; slot < LG_NODE_SLOTS; slot++) {
		struct lg_stack_node *node = &bucket->nodes[slot];

		if (node->frame == frame && node->parent == parent)
			return node_id(tier, place, slot);
	}
	return 0;
}

/* Takes a free slot of a bucket for a node; 0: there is none. */
__weak __noinline __u32 add_to_bucket(__u32 tier, __u32 place, __u32 parent, __u64 frame)
{
	struct lg_node_bucket *bucket = node_bucket(tier, place);
	__u32 slot;

	if (!bucket)
		return 0;
	for (slot = 0; slot < LG_NODE_SLOTS; slot++) {
		struct lg_stack_node *node = &bucket->nodes[slot];

		if (node->frame || __sync_val_compare_and_swap(&node->frame, 0, LG_NODE_CLAIMED))
			continue;
		node->parent = parent;
		node->stack = 0;
		barrier();
		*(volatile __u64 *)&node->frame = frame;
		return node_id(tier, place, slot);
	}
	return 0;
}

__weak __noinline __u32 nodes_in_bucket(__u32 tier, __u32 place)
{
	struct lg_node_bucket *bucket = node_bucket(tier, place);
	__u32 slot, used = 0;

	if (!bucket)
		return 0;
	for (slot = 0; slot < LG_NODE_SLOTS; slot++)
		used += bucket->nodes[slot].frame != 0;
	return used;
}

static __always_inline void count_nodes(void)
{
	__u64 nodes = __sync_fetch_and_add(&totals.stack_nodes, 1) + 1;
	__u32 tiers = node_tier_count;
	__u64 capacity = (__u64)LG_NODE_SLOTS * LG_NODE_FIRST_BUCKETS * ((1ULL << (tiers & 15)) - 1);

	/* early: adding room takes user space a grace period, and new frames can come every few hundred
	 * nanoseconds; the first that finds no place comes at 0.67 of the capacity */
	if (nodes < capacity / 8 * 3 || tiers >= LG_NODE_TIERS)
		return;
	if (totals.grow_nodes_asked >= tiers) {
		if (nodes >= capacity / 16 * 9)
			wait_for_tier(LG_TABLE_NODES, tiers, LG_ROOM_SHORT_NS);
		return;
	}
	totals.grow_nodes_asked = tiers;
	ask_for_room();
}

/* Whether there is room for a hint: more has been asked for by then, if it has not come yet, but nobody
 * waits. */
static __always_inline int has_ample_room(void)
{
	__u64 nodes = (__u64)LG_NODE_SLOTS * LG_NODE_FIRST_BUCKETS * ((1ULL << (node_tier_count & 15)) - 1);

	return totals.stacks <= LG_HINT_STACKS &&
	       totals.stacks < stack_tier_count * LG_STACKS_PER_TIER / 4 * 3 &&
	       totals.stack_nodes < nodes / 2;
}

/* Adds a node to the emptier of its two buckets. 0: no room. */
static __always_inline __u32 add_node(__u32 tier, __u64 hash, __u32 parent, __u64 frame)
{
	__u32 first = node_place(tier, hash, 0), second = node_place(tier, hash, 1), id;

	if (nodes_in_bucket(tier, second) < nodes_in_bucket(tier, first))
		first = second;
	id = add_to_bucket(tier, first, parent, frame);
	if (id)
		count_nodes();
	return id;
}

/*
 * The id of the node for `frame` called from node `parent`, which is made where it is new. 0: no room. Two
 * threads that make the same node at the same moment may get two; user space, which compares contents, makes
 * one of them.
 */
__weak __noinline __u32 node_in_tiers(__u32 tiers, __u32 parent, __u64 frame)
{
	__u64 hash = node_hash(parent, frame);
	__u32 i, id;

	for (i = 0; i < LG_NODE_TIERS * 2; i++) {
		__u32 tier = tiers - 1 - i / 2;

		if (i >= tiers * 2)
			break;
		id = find_node(tier, node_place(tier, hash, i & 1), parent, frame);
		if (id)
			return id;
	}
	for (i = 1; i <= LG_NODE_TIERS; i++) {
		if (i > tiers)
			break;
		id = add_node(tiers - i, hash, parent, frame);
		if (id)
			return id;
	}
	return 0;
}

/* The same. 0: no room came either, and the loss is counted. */
__weak __noinline __u32 node_of(__u32 parent, __u64 frame)
{
	__u32 turn, tiers, id;

	for (turn = 0; turn < LG_ROOM_LONG_WAITS; turn++) {
		tiers = node_tier_count;
		id = node_in_tiers(tiers, parent, frame);
		if (id)
			return id;
		if (tiers >= LG_NODE_TIERS)
			break;
		wait_for_tier(LG_TABLE_NODES, tiers, LG_ROOM_LONG_NS);
	}
	lose(LG_LOST_stack_table_full);
	return 0;
}

/* A new stack id for a path; 0: no room, and the loss is counted. */
static __always_inline __u32 new_stack(__u32 node, __u32 function, __u32 truncated)
{
	__u32 tiers = stack_tier_count, id, turn;
	struct lg_stack *stack = NULL;

	if (totals.stacks >= (cfg_max_stacks ? cfg_max_stacks : LG_STACKS_PER_TIER * LG_STACK_TIERS)) {
		lose(LG_LOST_stack_table_full);
		return 0;
	}
	id = __sync_fetch_and_add(&totals.stacks, 1) + 1;
	if (id >= tiers * LG_STACKS_PER_TIER / 2 && tiers < LG_STACK_TIERS) {
		if (totals.grow_stacks_asked < tiers) {
			totals.grow_stacks_asked = tiers;
			ask_for_room();
		} else if (id >= tiers * (LG_STACKS_PER_TIER / 8) * 7) {
			wait_for_tier(LG_TABLE_STACKS, tiers, LG_ROOM_SHORT_NS);
		}
	}
	for (turn = 0; turn < LG_ROOM_LONG_WAITS && !stack; turn++) {
		stack = stack_slot(id);
		if (!stack)
			wait_for_tier(LG_TABLE_STACKS, (id - 1) / LG_STACKS_PER_TIER, LG_ROOM_LONG_NS);
	}
	if (!stack) {
		lose(LG_LOST_stack_table_full);
		return 0;
	}
	stack->node = node;
	stack->function = function;
	stack->truncated = truncated;
	return id;
}

/* The leaf with this id, from which the stack id is read. */
static __always_inline struct lg_stack_node *node_at(__u32 id)
{
	__u32 place = (id - 1) / LG_NODE_SLOTS, slot = (id - 1) % LG_NODE_SLOTS, tier;
	struct lg_node_bucket *bucket;

	for (tier = 0; tier < LG_NODE_TIERS; tier++) {
		if (place < (__u32)LG_NODE_FIRST_BUCKETS << tier)
			break;
		place -= (__u32)LG_NODE_FIRST_BUCKETS << tier;
	}
	bucket = node_bucket(tier, place);
	return bucket ? &bucket->nodes[slot & (LG_NODE_SLOTS - 1)] : NULL;
}

/* The id of the stack whose innermost frame is `node`, for one allocation function. 0: no room. */
__weak __noinline __u32 stack_of(__u32 node, __u32 function, __u32 truncated)
{
	__u32 leaf_id = node_of(node, LG_FRAME_LEAF(function, truncated)), id, before;
	struct lg_stack_node *leaf;

	if (!leaf_id)
		return 0;
	leaf = node_at(leaf_id);
	if (!leaf)
		return 0;
	if (leaf->stack)
		return leaf->stack;
	id = new_stack(node, function, truncated);
	if (!id)
		return 0;
	before = __sync_val_compare_and_swap(&leaf->stack, 0, id);
	return before ? before : id;
}

#endif
