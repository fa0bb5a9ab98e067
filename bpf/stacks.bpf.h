/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Gives each walked stack an id: one slot for each distinct content, found by hash and accepted by
 * comparison. */
#ifndef LEAKGATE_STACKS_BPF_H
#define LEAKGATE_STACKS_BPF_H

#include "unwind.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LG_STACKS_PER_TIER *LG_STACK_TIERS);
	__type(key, __u64);
	__type(value, __u32);
} stack_index SEC(".maps");

struct compare {
	struct lg_thread *thread;
	struct lg_stack *stack;
	__u32 count;
	__u32 same;
};

static long compare_step(__u32 turn, void *context)
{
	struct compare *c = context;

	if (turn >= c->count)
		return 1;
	if (c->stack->frames[turn & (LG_MAX_FRAMES - 1)] != c->thread->frames[turn & (LG_MAX_FRAMES - 1)]) {
		c->same = 0;
		return 1;
	}
	return 0;
}

static __always_inline int same_stack(struct lg_stack *stack, struct walk *w, __u32 function)
{
	struct compare c = {.thread = w->thread, .stack = stack, .count = w->count, .same = 1};

	if (stack->count != w->count || stack->function != function || stack->truncated != w->truncated)
		return 0;
	bpf_loop(LG_MAX_FRAMES, compare_step, &c, 0);
	return c.same;
}

static long copy_step(__u32 turn, void *context)
{
	struct compare *c = context;

	if (turn >= c->count)
		return 1;
	c->stack->frames[turn & (LG_MAX_FRAMES - 1)] = c->thread->frames[turn & (LG_MAX_FRAMES - 1)];
	return 0;
}

/* Writes a new slot for the walked stack and returns its id, 0 when the table is full. */
static __always_inline __u32 add_stack(struct walk *w, __u32 function)
{
	__u32 id = __sync_fetch_and_add(&totals.stacks, 1) + 1;
	struct compare c = {.thread = w->thread, .count = w->count};
	__u32 capacity = stack_tier_count * LG_STACKS_PER_TIER;
	struct lg_record *record;

	/* at half: adding room takes user space a grace period, and new stacks can come every few
	 * microseconds */
	if (id >= capacity / 2 && totals.grow_stacks_asked < stack_tier_count) {
		totals.grow_stacks_asked = stack_tier_count;
		record = reserve_record(sizeof(*record), LG_REC_GROW, 0);
		if (record)
			bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
	}
	c.stack = cfg_max_stacks && id > cfg_max_stacks ? NULL : stack_slot(id);
	if (!c.stack) {
		lose(LG_LOST_stack_table_full);
		return 0;
	}
	c.stack->hash = w->hash;
	c.stack->count = w->count;
	c.stack->truncated = w->truncated;
	c.stack->function = function;
	bpf_loop(LG_MAX_FRAMES, copy_step, &c, 0);
	return id;
}

/* The id of the walked stack: found by hash, accepted by content. Two stacks with one hash get different
 * keys. */
static __always_inline __u32 intern_stack(struct walk *w, __u32 function)
{
	__u64 key = w->hash ^ (__u64)function << 56 ^ w->count;
	__u32 added = 0, *id;
	struct lg_stack *stack;
	int i;

	for (i = 0; i < 8; i++, key++) {
		id = bpf_map_lookup_elem(&stack_index, &key);
		if (!id) {
			if (!added)
				added = add_stack(w, function);
			if (!added || !bpf_map_update_elem(&stack_index, &key, &added, BPF_NOEXIST))
				return added;
			id = bpf_map_lookup_elem(&stack_index, &key);
			if (!id)
				return added;
		}
		stack = stack_slot(*id);
		if (stack && same_stack(stack, w, function))
			return *id;
	}
	return added ? added : add_stack(w, function);
}

/*
 * Walks and interns the stack of the call that was entered with these registers (the return address is at
 * sp). 0: no stack wanted or no room.
 */
__weak __noinline __u32 take_stack(__u64 sp, __u64 bp, struct lg_thread *thread, __u32 function)
{
	struct walk w = {};
	struct lg_mapping_table *table;
	__u32 proc;

	if (!thread)
		return 0;
	w.thread = thread;
	if (cfg_unwind != LG_UNWIND_NONE) {
		w.sp = sp + 8;
		w.bp = bp;
		if (read_word(&w.pc, sp))
			return 0;
		proc = thread->proc - 1;
		table = bpf_map_lookup_elem(&mapping_tables, &proc);
		if (table)
			w.table = *table;
		bpf_loop(LG_MAX_FRAMES + 1, walk_step, &w, 0);
	}
	return intern_stack(&w, function);
}

#endif
