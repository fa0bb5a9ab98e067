/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tables that grow: tiers that user space adds while the target runs. It is asked for the next one long
 * before the last is full; where it is late all the same, on a busy machine, the target is slowed, and at the
 * very end waits: what found no place would be lost. See docs/decisions/0010.
 */
#ifndef LEAKGATE_TABLES_BPF_H
#define LEAKGATE_TABLES_BPF_H

#include "task.bpf.h"

/* Inner maps give sizes, not types: clang 14 leaves the types of nested map definitions out of BTF. */
/* Live blocks, in tiers that double: the first is there from the start, user space adds the others to need.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* user space reads it through a mapping */
	__uint(max_entries, LG_LIVE_FIRST_BUCKETS);
	__type(key, __u32);
	__type(value, struct lg_live_bucket);
} live_first __weak SEC(".maps");

struct lg_live_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct lg_live_bucket));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LG_LIVE_TIERS);
	__type(key, __u32);
	__array(values, struct lg_live_map);
} live_tiers __weak SEC(".maps");

/* Counters by stack id - 1. Further tiers are added by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LG_STACKS_PER_TIER);
	__type(key, __u32);
	__type(value, struct lg_stack);
} stacks_first __weak SEC(".maps");

struct lg_stacks_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LG_STACKS_PER_TIER);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct lg_stack));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LG_STACK_TIERS);
	__type(key, __u32);
	__array(values, struct lg_stacks_map);
} stack_tiers __weak SEC(".maps");

/* Nodes of the tree; the id of a node is its place, plus one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LG_NODE_FIRST_BUCKETS);
	__type(key, __u32);
	__type(value, struct lg_node_bucket);
} nodes_first __weak SEC(".maps");

struct lg_nodes_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct lg_node_bucket));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LG_NODE_TIERS);
	__type(key, __u32);
	__array(values, struct lg_nodes_map);
} node_tiers __weak SEC(".maps");

enum lg_table { LG_TABLE_LIVE, LG_TABLE_STACKS, LG_TABLE_NODES };

/* A short wait gives the processor back soon, where user space may need it; a long one is the last resort. */
#define LG_ROOM_SHORT_NS 2000000ULL
#define LG_ROOM_LONG_NS 10000000ULL
#define LG_ROOM_LONG_WAITS 16
#define LG_ROOM_TURNS (1 << 22)
#define LG_ROOM_VAIN_WAITS 4096 /* of all threads: from then on what finds no place is lost at once */

struct room_wait {
	__u32 table;
	__u32 tier;
	__u32 done;
	__u64 deadline;
};

static long room_turn(__u32 turn, void *context)
{
	struct room_wait *wait = context;
	__u32 tier = wait->tier;
	void *map;

	if (wait->table == LG_TABLE_LIVE)
		map = bpf_map_lookup_elem(&live_tiers, &tier);
	else if (wait->table == LG_TABLE_STACKS)
		map = bpf_map_lookup_elem(&stack_tiers, &tier);
	else
		map = bpf_map_lookup_elem(&node_tiers, &tier);
	wait->done = map != NULL;
	return wait->done || ((turn & 15) == 15 && bpf_ktime_get_ns() > wait->deadline);
}

/*
 * Waits, at most `ns`, for a tier, and puts it to use. It is there before user space says so: its call
 * returns only after a grace period, which this very wait holds up. False: it did not come.
 */
__weak __noinline int wait_for_tier(__u32 table, __u32 tier, __u64 ns)
{
	struct room_wait wait = {.table = table, .tier = tier};
	__u64 now = bpf_ktime_get_ns();

	if (totals.vain_room_waits >= LG_ROOM_VAIN_WAITS || is_user_space_gone(now))
		return 0;
	wait.deadline = now + ns;
	bpf_loop(LG_ROOM_TURNS, room_turn, &wait, 0);
	if (!wait.done) {
		__sync_fetch_and_add(&totals.vain_room_waits, 1);
		return 0;
	}
	if (table == LG_TABLE_LIVE)
		__sync_val_compare_and_swap(&live_tier_count, tier, tier + 1);
	else if (table == LG_TABLE_STACKS)
		__sync_val_compare_and_swap(&stack_tier_count, tier, tier + 1);
	else
		__sync_val_compare_and_swap(&node_tier_count, tier, tier + 1);
	return 1;
}

static __always_inline void ask_for_room(void)
{
	struct lg_record *record = reserve_record(sizeof(*record), LG_REC_GROW, 0);

	if (record)
		bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

#endif
