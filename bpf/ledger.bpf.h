/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ledger of live blocks: put in, take out; with the totals and the per-test counters that go with it. */
#ifndef LEAKGATE_LEDGER_BPF_H
#define LEAKGATE_LEDGER_BPF_H

#include "task.bpf.h"

/* Inner maps give sizes, not types: clang 14 leaves the types of nested map definitions out of BTF. */
/* Live blocks, in tiers that double: user space adds one when the newest is three quarters full. */
struct lg_live_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LG_LIVE_FIRST_TIER);
	__uint(key_size, sizeof(struct lg_live_key));
	__uint(value_size, sizeof(struct lg_live));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LG_LIVE_TIERS);
	__type(key, __u32);
	__array(values, struct lg_live_map);
} live_tiers SEC(".maps");

/* Distinct stacks: tiers of slots, and an index from content hash to slot id. Ids start at 1. */
struct lg_stacks_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LG_STACKS_PER_TIER);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct lg_stack));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LG_STACK_TIERS);
	__type(key, __u32);
	__array(values, struct lg_stacks_map);
} stack_tiers SEC(".maps");

static __always_inline void *live_tier(__u32 tier)
{
	return bpf_map_lookup_elem(&live_tiers, &tier);
}

static __always_inline struct lg_stack *stack_slot(__u32 id)
{
	__u32 tier = (id - 1) / LG_STACKS_PER_TIER, slot = (id - 1) % LG_STACKS_PER_TIER;
	void *stacks;

	if (!id)
		return NULL;
	stacks = bpf_map_lookup_elem(&stack_tiers, &tier);
	return stacks ? bpf_map_lookup_elem(stacks, &slot) : NULL;
}

/* Asks user space, once per size, for room before the newest tier is full. */
__weak __noinline int ask_to_grow(__u64 blocks)
{
	__u32 tiers = live_tier_count;
	__u64 capacity = ((__u64)LG_LIVE_FIRST_TIER << (tiers & 31)) - LG_LIVE_FIRST_TIER;
	struct lg_record *record;

	if (blocks < capacity / 4 * 3 || totals.grow_live_asked >= tiers)
		return 0;
	totals.grow_live_asked = tiers;
	record = reserve_record(sizeof(*record), LG_REC_GROW, 0);
	if (record)
		bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
	return 0;
}

static __always_inline void count_live(const struct lg_live *block)
{
	__u64 blocks = __sync_fetch_and_add(&totals.live_blocks, 1) + 1;
	__u64 bytes = __sync_fetch_and_add(&totals.live_bytes, block->size) + block->size;

	if (blocks > totals.peak_live_blocks)
		totals.peak_live_blocks = blocks;
	if (bytes > totals.peak_live_bytes)
		totals.peak_live_bytes = bytes;
	if (!(blocks & 1023))
		ask_to_grow(blocks);
}

/* Writes a block into the newest tier with room. False: every tier is full, and the loss is counted. */
__weak __noinline int ledger_put(struct lg_live_key *key, struct lg_live *block)
{
	__u32 tiers = live_tier_count;
	void *tier;
	int i;

	if (!key || !block)
		return 0;
	for (i = 1; i <= LG_LIVE_TIERS; i++) {
		if (i > tiers)
			break;
		tier = live_tier(tiers - i);
		if (tier && !bpf_map_update_elem(tier, key, block, BPF_ANY)) {
			count_live(block);
			return 1;
		}
	}
	lose(LG_LOST_live_table_full);
	return 0;
}

/* True when the block is in the ledger. */
__weak __noinline int ledger_has(struct lg_live_key *key)
{
	__u32 tiers = live_tier_count;
	void *tier;
	int i;

	if (!key)
		return 0;
	for (i = 1; i <= LG_LIVE_TIERS; i++) {
		if (i > tiers)
			break;
		tier = live_tier(tiers - i);
		if (tier && bpf_map_lookup_elem(tier, key))
			return 1;
	}
	return 0;
}

/* Takes a block out and copies it to `block`. False: not in the ledger. */
__weak __noinline int ledger_take(struct lg_live_key *key, struct lg_live *block)
{
	__u32 tiers = live_tier_count;
	struct lg_live *found;
	void *tier;
	int i;

	if (!key || !block)
		return 0;
	for (i = 1; i <= LG_LIVE_TIERS; i++) {
		if (i > tiers)
			break;
		tier = live_tier(tiers - i);
		if (!tier)
			continue;
		found = bpf_map_lookup_elem(tier, key);
		if (!found)
			continue;
		*block = *found;
		if (bpf_map_delete_elem(tier, key))
			continue;
		__sync_fetch_and_add(&totals.live_blocks, -1);
		__sync_fetch_and_add(&totals.live_bytes, -block->size);
		return 1;
	}
	return 0;
}

static __always_inline void count_allocation(struct lg_proc *proc, const struct lg_live *block)
{
	struct lg_stack *stack = stack_slot(block->stack);
	__u64 now;

	__sync_fetch_and_add(&proc->allocations, 1);
	__sync_fetch_and_add(&proc->bytes, block->size);
	if (block->test) {
		__sync_fetch_and_add(&proc->test_allocations, 1);
		__sync_fetch_and_add(&proc->test_bytes, block->size);
	} else {
		__sync_fetch_and_add(&proc->outside_allocations, 1);
		__sync_fetch_and_add(&proc->outside_bytes, block->size);
	}
	now = __sync_fetch_and_add(&proc->test_live_bytes, block->size) + block->size;
	if ((__s64)now > (__s64)proc->test_peak_bytes)
		proc->test_peak_bytes = now;
	if (stack) {
		__sync_fetch_and_add(&stack->allocations, 1);
		__sync_fetch_and_add(&stack->bytes, block->size);
	}
}

static __always_inline void count_free(struct lg_proc *proc, const struct lg_live *block)
{
	struct lg_stack *stack = stack_slot(block->stack);
	__u32 lived = now_ms() - block->time_ms, bucket = 0;
	int i;

	__sync_fetch_and_add(&proc->frees, 1);
	if (block->test == proc->test)
		__sync_fetch_and_add(&proc->test_live_bytes, -block->size);
	if (!stack)
		return;
	for (i = 0; i < LG_LIFETIME_BUCKETS - 1; i++)
		bucket += lived >> i ? 1 : 0;
	__sync_fetch_and_add(&stack->frees, 1);
	__sync_fetch_and_add(&stack->lifetime_log2_ms[bucket & (LG_LIFETIME_BUCKETS - 1)], 1);
}

#endif
