/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ledger of live blocks: put in, take out; with the totals and the per-test counters that go with it. A
 * table of our own, because the kernel's hash maps take locks and an allocator per event. See
 * docs/decisions/0010.
 */
#ifndef LEAKGATE_LEDGER_BPF_H
#define LEAKGATE_LEDGER_BPF_H

#include "scopes.bpf.h"
#include "stack_table.bpf.h"

static __always_inline __u64 live_name(const struct lg_live_key *key)
{
	return key->addr | (__u64)key->proc << LG_LIVE_PROC_SHIFT;
}

/* Every bit of the name counts in every bit of the hash: forked processes have the same addresses. */
static __always_inline __u64 live_hash(__u64 name)
{
	name = (name ^ name >> 32) * 0x9e3779b97f4a7c15ULL;
	name = (name ^ name >> 29) * 0xbf58476d1ce4e5b9ULL;
	return name ^ name >> 32;
}

/* The buckets a block may stand in: two that have nothing in common, and the neighbour of each. */
static __always_inline struct lg_live_bucket *live_bucket(__u32 tier, __u64 hash, __u32 choice)
{
	__u32 place = choice & 1 ? hash >> 32 : hash, index;
	void *map;

	index = (place ^ choice >> 1) & (((__u32)LG_LIVE_FIRST_BUCKETS << (tier & 15)) - 1);
	if (!tier)
		return keep_call(bpf_map_lookup_elem(&live_first, &index));
	map = bpf_map_lookup_elem(&live_tiers, &tier);
	return map ? bpf_map_lookup_elem(map, &index) : NULL;
}

enum { LG_LIVE_CHOICES = 4, LG_LIVE_TAKE = 1, LG_LIVE_AGAIN = 8 };

/*
 * What a bucket has: in bits 0..7 the number of its used slots, in 8..15 a free slot, in 16..23 one more than
 * the slot in which the block stands already. Global functions are verified once, whoever calls them, and
 * what they return is one value for the verifier.
 */
__weak __noinline __u32 view_bucket(__u32 tier, __u64 hash, __u64 name, __u32 choice)
{
	struct lg_live_bucket *bucket = live_bucket(tier, hash, choice);
	__u32 slot, used = 0, free_slot = 0;

	if (!bucket)
		return LG_LIVE_SLOTS;
	for (slot = 0; slot < LG_LIVE_SLOTS; slot++) {
		__u64 there = bucket->names[slot];

		if (there == name)
			return (slot + 1) << 16;
		if (there)
			used++;
		else
			free_slot = slot;
	}
	return used | free_slot << 8;
}

/*
 * Asks user space, once per size, for room before the tiers are full; early while they are small. Where it is
 * late the thread waits a little at each block, which leaves the processor to user space in between. The
 * first block that finds no place comes at 0.76 of the capacity (by simulation, 200 fillings).
 */
__weak __noinline int ask_to_grow(__u64 blocks)
{
	__u32 tiers = live_tier_count;
	__u64 capacity = (__u64)LG_LIVE_SLOTS * LG_LIVE_FIRST_BUCKETS * ((1ULL << (tiers & 31)) - 1);

	if (blocks < (tiers > 2	  ? capacity / 8 * 5
		      : tiers > 1 ? capacity / 2
				  : capacity / 4) ||
	    tiers >= LG_LIVE_TIERS)
		return 0;
	if (totals.grow_live_asked >= tiers)
		return blocks >= capacity / 16 * 11 && wait_for_tier(LG_TABLE_LIVE, tiers, LG_ROOM_SHORT_NS);
	totals.grow_live_asked = tiers;
	ask_for_room();
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
	if (!(blocks & 255) || totals.grow_live_asked >= live_tier_count)
		ask_to_grow(blocks + totals.left_blocks);
}

/* Writes a block into a slot of its bucket, which is free, or holds it already where `again` is set. */
__weak __noinline int put_in_slot(__u32 tier, __u64 hash, __u64 name, struct lg_live *block, __u32 where)
{
	struct lg_live_bucket *bucket = live_bucket(tier, hash, where & 3);
	__u32 slot = where >> 8 & (LG_LIVE_SLOTS - 1);

	if (!bucket || !block ||
	    __sync_val_compare_and_swap(&bucket->names[slot], where & LG_LIVE_AGAIN ? name : 0,
					LG_LIVE_CLAIMED) != (where & LG_LIVE_AGAIN ? name : 0))
		return 0;
	bucket->blocks[slot] = *block;
	barrier();
	*(volatile __u64 *)&bucket->names[slot] = name;
	return 1;
}

/*
 * Puts a block into the emptier one of two buckets, which fills a tier evenly (balanced allocations: Azar,
 * Broder, Karlin, Upfal 1994). False: both are full, or other processors were faster every time.
 */
__weak __noinline int put_in_pair(__u32 tier, __u64 hash, __u64 name, struct lg_live *block, __u32 choice)
{
	__u32 view, other, turn;

	if (!block)
		return 0;
	for (turn = 0; turn < 3; turn++) {
		view = view_bucket(tier, hash, name, choice);
		other = view_bucket(tier, hash, name, choice + 1);
		if (other >> 16 || (!(view >> 16) && (other & 0xff) < (view & 0xff))) {
			view = other;
			choice++;
		}
		if (view >> 16) { /* its free was not seen */
			view = ((view >> 16) - 1) << 8;
			choice |= LG_LIVE_AGAIN;
		} else if ((view & 0xff) >= LG_LIVE_SLOTS) {
			return 0;
		}
		if (put_in_slot(tier, hash, name, block, choice | (view & 0xff00)))
			return 1;
		choice &= 2;
	}
	return 0;
}

/* Writes a block into the newest tier with room. False: no room. */
__weak __noinline int put_in_tiers(__u32 tiers, __u64 name, struct lg_live *block)
{
	__u64 hash = live_hash(name);
	__u32 i;

	if (!block)
		return 0;
	for (i = 1; i <= LG_LIVE_TIERS; i++) {
		if (i > tiers)
			break;
		if (put_in_pair(tiers - i, hash, name, block, 0) ||
		    put_in_pair(tiers - i, hash, name, block, 2))
			return 1;
	}
	return 0;
}

/* Puts a block into the ledger. False: no room, and the loss is counted. */
__weak __noinline int ledger_put(struct lg_live_key *key, struct lg_live *block)
{
	__u32 turn, tiers;

	if (!key || !block)
		return 0;
	for (turn = 0; turn < LG_ROOM_LONG_WAITS; turn++) {
		tiers = live_tier_count;
		if (key->addr & ~LG_LIVE_ADDR_MASK ||
		    (cfg_max_live_blocks && totals.live_blocks >= cfg_max_live_blocks))
			break;
		if (put_in_tiers(tiers, live_name(key), block)) {
			count_live(block);
			return 1;
		}
		if (tiers >= LG_LIVE_TIERS)
			break;
		wait_for_tier(LG_TABLE_LIVE, tiers, LG_ROOM_LONG_NS);
	}
	lose(LG_LOST_live_table_full);
	return 0;
}

/* Finds a block in one tier; where LG_LIVE_TAKE is set, takes it out. Copies it to `block`. */
__weak __noinline int find_in_tier(__u32 tier, __u64 hash, __u64 name, struct lg_live *block, __u32 take)
{
	struct lg_live_bucket *bucket;
	__u32 slot, choice;

	if (!block)
		return 0;
	for (choice = 0; choice < LG_LIVE_CHOICES; choice++) {
		bucket = live_bucket(tier, hash, choice);
		if (!bucket)
			return 0;
		for (slot = 0; slot < LG_LIVE_SLOTS; slot++) {
			if (bucket->names[slot] != name)
				continue;
			*block = bucket->blocks[slot];
			return !take || __sync_val_compare_and_swap(&bucket->names[slot], name, 0) == name;
		}
	}
	return 0;
}

/* True when a block of this name is in the ledger. */
__weak __noinline int has_name(__u64 name)
{
	__u64 hash = live_hash(name);
	__u32 tiers = live_tier_count, i;
	struct lg_live block;

	for (i = 1; i <= LG_LIVE_TIERS; i++) {
		if (i > tiers)
			break;
		if (find_in_tier(tiers - i, hash, name, &block, 0))
			return 1;
	}
	return 0;
}

/*
 * Without room for it a child's block may seem to be lost, or held: that is counted, and told. Of two that
 * had one name, the first is the one that the child has: the other was made in its place after the fork.
 */
__weak __noinline int put_left(__u64 name, struct lg_live *block)
{
	__u64 blocks;

	if (!block)
		return 0;
	if (has_name(name))
		return 1;
	if (totals.left_blocks >= LG_MOST_LEFT ||
	    (cfg_max_live_blocks && totals.live_blocks >= cfg_max_live_blocks) ||
	    !put_in_tiers(live_tier_count, name, block)) {
		__sync_fetch_and_add(&totals.left_out, 1);
		return 0;
	}
	blocks = __sync_fetch_and_add(&totals.left_blocks, 1) + 1;
	if (!(blocks & 255))
		ask_to_grow(totals.live_blocks + blocks);
	return 1;
}

/* A block that the process frees stays what it was in the memory of children that it has forked since. */
__weak __noinline int leave_to_heir(struct lg_proc *proc, __u64 addr, struct lg_live *block)
{
	__u64 left_before;

	if (!proc || !block)
		return 0;
	left_before = proc->left_before;
	if (block->time_ms >= (__u32)left_before)
		return 0;
	return put_left(addr | LG_LIVE_LEFT | (left_before >> 32) << LG_LIVE_PROC_SHIFT, block);
}

/* A forked process frees a block that it does not have: one that it inherited, most likely. */
__weak __noinline int note_gone(struct lg_proc *proc, __u64 addr)
{
	struct lg_live block = {.time_ms = now_ms()};

	if (!proc || addr & (LG_LIVE_GONE | ~LG_LIVE_ADDR_MASK))
		return 0;
	return put_left(addr | LG_LIVE_LEFT | LG_LIVE_GONE | (__u64)proc->index << LG_LIVE_PROC_SHIFT,
			&block);
}

/* Finds a block; where `take` is LG_LIVE_TAKE, takes it out. Copies it to `block`. False: not in the ledger.
 */
__weak __noinline int ledger_find(struct lg_live_key *key, struct lg_live *block, __u32 take)
{
	__u32 tiers = live_tier_count, i;
	__u64 name, hash;

	if (!key || !block)
		return 0;
	name = live_name(key);
	hash = live_hash(name);
	for (i = 1; i <= LG_LIVE_TIERS; i++) {
		if (i > tiers)
			break;
		if (!find_in_tier(tiers - i, hash, name, block, take))
			continue;
		if (take) {
			__sync_fetch_and_add(&totals.live_blocks, -1);
			__sync_fetch_and_add(&totals.live_bytes, -block->size);
		}
		return 1;
	}
	return 0;
}

/* The program says that the block of this name is no leak. */
__weak __noinline int ignore_in_tier(__u32 tier, __u64 hash, __u64 name)
{
	struct lg_live_bucket *bucket;
	__u32 slot, choice;

	for (choice = 0; choice < LG_LIVE_CHOICES; choice++) {
		bucket = live_bucket(tier, hash, choice);
		if (!bucket)
			return 0;
		for (slot = 0; slot < LG_LIVE_SLOTS; slot++) {
			if (bucket->names[slot] != name)
				continue;
			bucket->blocks[slot].tid |= LG_LIVE_IGNORED;
			return 1;
		}
	}
	return 0;
}

/* Takes a block out and copies it to `block`. False: not in the ledger. */
static __always_inline int ledger_take(struct lg_live_key *key, struct lg_live *block)
{
	return ledger_find(key, block, LG_LIVE_TAKE);
}

/* True when the block is in the ledger. */
static __always_inline int ledger_has(struct lg_live_key *key)
{
	struct lg_live block = {};

	return ledger_find(key, &block, 0);
}

/*
 * True where the block counts for what is open: the test, or what was opened inside it; without one, whatever
 * was made outside.
 */
static __always_inline int counts_now(const struct lg_proc *proc, const struct lg_live *block)
{
	return proc->test_root ? block->test >= proc->test_root : !block->test || proc->scopes;
}

static __always_inline void count_allocation(struct lg_proc *proc, const struct lg_live *block)
{
	struct lg_stack *stack = stack_slot(block->stack);
	__u64 now;

	__sync_fetch_and_add(&proc->allocations, 1);
	__sync_fetch_and_add(&proc->bytes, block->size);
	if (proc->test_root && counts_now(proc, block)) {
		__sync_fetch_and_add(&proc->test_allocations, 1);
		__sync_fetch_and_add(&proc->test_bytes, block->size);
	} else {
		__sync_fetch_and_add(&proc->outside_allocations, 1);
		__sync_fetch_and_add(&proc->outside_bytes, block->size);
	}
	if (counts_now(proc, block)) {
		now = __sync_fetch_and_add(&proc->test_live_bytes, block->size) + block->size;
		if ((__s64)now > (__s64)proc->test_peak_bytes)
			proc->test_peak_bytes = now;
	}
	if (proc->scopes)
		count_in_scopes(proc->index, block->test, 1);
	if (stack) {
		__sync_fetch_and_add(&stack->allocations, 1);
		__sync_fetch_and_add(&stack->bytes, block->size);
		stack->errors_before = totals.errors;
	}
}

/* The number of the lifetime's highest bit, plus one: bucket n holds what lived under 2^n ms. */
static __always_inline __u32 lifetime_bucket(__u32 lived_ms)
{
	__u32 bucket = 0;

	if (lived_ms >> 14)
		return LG_LIFETIME_BUCKETS - 1;
	if (lived_ms >> 8) {
		bucket += 8;
		lived_ms >>= 8;
	}
	if (lived_ms >> 4) {
		bucket += 4;
		lived_ms >>= 4;
	}
	if (lived_ms >> 2) {
		bucket += 2;
		lived_ms >>= 2;
	}
	return bucket + (lived_ms > 1 ? 2 : lived_ms);
}

/* Counts a free. True where it is the first one of a block from its stack: where it came from is wanted. */
static __always_inline int count_free(struct lg_proc *proc, const struct lg_live *block)
{
	struct lg_stack *stack = stack_slot(block->stack);
	__u32 bucket = lifetime_bucket(now_ms() - block->time_ms);

	__sync_fetch_and_add(&proc->frees, 1);
	if (counts_now(proc, block))
		__sync_fetch_and_add(&proc->test_live_bytes, -block->size);
	if (proc->scopes)
		count_in_scopes(proc->index, block->test, -1);
	if (!stack)
		return 0;
	__sync_fetch_and_add(&stack->frees, 1);
	__sync_fetch_and_add(&stack->lifetime_log2_ms[bucket & (LG_LIFETIME_BUCKETS - 1)], 1);
	return !stack->freed_by;
}

#endif
