/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Scopes that are open in a process, in no order: threads open and close them at the same moment. The one
 * with the largest number is the innermost. A scope knows how many of the blocks that are charged to it, or
 * to what was opened inside it, are outstanding: one with none costs nothing to check. Where threads meet it
 * may count too many, never too few. Programs without an adapter never get here.
 */
#ifndef LEAKGATE_SCOPES_BPF_H
#define LEAKGATE_SCOPES_BPF_H

#include "task.bpf.h"

enum {
	LG_MAX_SCOPES = 16,
	LG_SCOPE_TRIES = 64, /* others were faster each time */
};

#define LG_SCOPE_CLAIMED 0xffffffffU  /* in place of a number: it is about to be opened */
#define LG_SCOPE_NO_BLOCKS (1U << 30) /* no count falls below 0, into the number */
#define LG_SCOPE_ANNOUNCED (1U << 31) /* user space has been told of it */

struct lg_scope {
	__u64 object; /* names it */
	__u64 state;  /* its number, 0 where none is open here, and below that how many blocks */
};

struct lg_scopes {
	struct lg_scope places[LG_MAX_SCOPES];
};

/* process index -> its open scopes */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct lg_scopes);
} scopes __weak SEC(".maps");

static __always_inline __u64 scope_state(const struct lg_scope *scope)
{
	return *(const volatile __u64 *)&scope->state;
}

/* The number of the open scope in a place, 0 where none is. */
static __always_inline __u32 scope_number(const struct lg_scope *scope)
{
	__u32 number = scope_state(scope) >> 32;

	return number == LG_SCOPE_CLAIMED ? 0 : number;
}

/* A block charged to `window` was made (1) or freed (-1). */
__weak __noinline int count_in_scopes(__u32 index, __u32 window, int change)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	__u64 state, again;
	int i;

	if (!open)
		return 0;
	for (i = 0; i < LG_MAX_SCOPES; i++) {
		state = scope_state(&open->places[i]);
		if (!(state >> 32) || (state >> 32) > window)
			continue;
		if (change > 0)
			__sync_fetch_and_add(&open->places[i].state, 1);
		else if (__sync_val_compare_and_swap(&open->places[i].state, state, state - 1) != state) {
			/* not from what may be another scope by now: once more, or it counts one too many */
			again = scope_state(&open->places[i]);
			if (again >> 32 == state >> 32)
				__sync_val_compare_and_swap(&open->places[i].state, again, again - 1);
		}
	}
	return 0;
}

/* The innermost announced scope with a number below `limit`, 0 for none. */
__weak __noinline __u32 innermost_scope(__u32 index, __u32 limit)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	__u32 innermost = 0, number;
	__u64 state;
	int i;

	if (!open)
		return 0;
	for (i = 0; i < LG_MAX_SCOPES; i++) {
		state = scope_state(&open->places[i]);
		number = state >> 32;
		if ((state & LG_SCOPE_ANNOUNCED) && number < limit && number > innermost)
			innermost = number;
	}
	return innermost;
}

static __always_inline __u32 innermost_charge(const struct lg_proc *proc)
{
	__u32 innermost = innermost_scope(proc->index, LG_SCOPE_CLAIMED);
	__u32 root = *(const volatile __u32 *)&proc->test_root;

	return innermost > root ? innermost : root;
}

/*
 * Has blocks charged to what is innermost now. Whoever opened or closed something calls it after that; what
 * another thread has set since it was looked at is not overwritten.
 */
__weak __noinline int settle_charge(__u32 index)
{
	struct lg_proc *proc = process_of(index);
	__u32 before, innermost;
	int i;

	if (!proc)
		return 0;
	for (i = 0; i < LG_SCOPE_TRIES; i++) {
		before = *(volatile __u32 *)&proc->test;
		innermost = innermost_charge(proc);
		/* another thread may have set the same meanwhile, for newer reasons: looked at once more */
		if (__sync_val_compare_and_swap(&proc->test, before, innermost) == before &&
		    innermost_charge(proc) == innermost)
			return 1;
	}
	lose(LG_LOST_scopes_too_deep);
	return 0;
}

/*
 * Closes the scope `number` in a place; whoever does it is the only one. What is not announced yet is
 * nobody's to close but its opener's.
 */
__weak __noinline int close_place(__u32 index, __u32 place, __u32 number)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	struct lg_proc *proc = process_of(index);
	struct lg_scope *scope;
	__u64 state;
	int i;

	if (!open || !proc)
		return 0;
	scope = &open->places[place & (LG_MAX_SCOPES - 1)];
	for (i = 0; i < LG_SCOPE_TRIES; i++) {
		state = scope_state(scope);
		if (state >> 32 != number || !(state & LG_SCOPE_ANNOUNCED))
			return 0;
		if (__sync_val_compare_and_swap(&scope->state, state, 0) != state)
			continue; /* a block of it came or went */
		__sync_fetch_and_add(&proc->scopes, -1);
		return 1;
	}
	lose(LG_LOST_scopes_too_deep);
	return 0;
}

/* Closes the scopes opened inside window `window`. */
__weak __noinline int close_scopes_in(__u32 index, __u32 window)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	__u32 number;
	int i;

	if (!open)
		return 0;
	for (i = 0; i < LG_MAX_SCOPES; i++) {
		number = scope_number(&open->places[i]);
		if (number > window)
			close_place(index, i, number);
	}
	return 0;
}

/* Gives the scope claimed in `place` the next number of the process's series; 0 where others always took it.
 */
__weak __noinline __u32 number_scope(__u32 index, __u32 place)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	struct lg_proc *proc = process_of(index);
	struct lg_scope *scope;
	__u32 last;
	int i;

	if (!open || !proc)
		return 0;
	scope = &open->places[place & (LG_MAX_SCOPES - 1)];
	for (i = 0; i < LG_SCOPE_TRIES; i++) {
		last = *(volatile __u32 *)&proc->last_test;
		/* seen before the number is taken: no block can be charged to it, or to a later one, that it
		 * misses */
		*(volatile __u64 *)&scope->state = ((__u64)(last + 1) << 32) | LG_SCOPE_NO_BLOCKS;
		if (__sync_val_compare_and_swap(&proc->last_test, last, last + 1) == last)
			return last + 1;
	}
	scope->state = 0;
	return 0;
}

/* Opens a scope; its number, 0 where there is no room. Nothing is charged to it before announce_scope(). */
__weak __noinline __u32 open_scope(__u32 index, __u64 object)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	struct lg_proc *proc = process_of(index);
	__u32 number = 0;
	__u64 state;
	int i;

	if (!proc)
		return 0;
	if (!open) {
		static const struct lg_scopes none = {};

		bpf_map_update_elem(&scopes, &index, &none, BPF_NOEXIST);
		open = bpf_map_lookup_elem(&scopes, &index);
		if (!open)
			return 0;
	}
	__sync_fetch_and_add(&proc->scopes, 1); /* from here on blocks are counted */
	for (i = 0; i < LG_MAX_SCOPES; i++) {
		state = scope_state(&open->places[i]);
		if (state >> 32 || __sync_val_compare_and_swap(&open->places[i].state, state,
							       (__u64)LG_SCOPE_CLAIMED << 32) != state)
			continue;
		*(volatile __u64 *)&open->places[i].object = object;
		number = number_scope(index, i);
		break;
	}
	if (!number)
		__sync_fetch_and_add(&proc->scopes, -1);
	return number;
}

/* The place of the open scope that `object` names, the innermost of them; LG_MAX_SCOPES for none. */
__weak __noinline __u32 find_scope(__u32 index, __u64 object)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	__u32 found = LG_MAX_SCOPES, largest = 0, number;
	int i;

	if (!open)
		return LG_MAX_SCOPES;
	for (i = 0; i < LG_MAX_SCOPES; i++) {
		number = scope_number(&open->places[i]);
		if (number <= largest || open->places[i].object != object)
			continue;
		largest = number;
		found = i;
	}
	return found;
}

/* User space has been told of the scope that `object` names. */
__weak __noinline int announce_scope(__u32 index, __u64 object)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	__u32 place = find_scope(index, object);

	if (!open || place >= LG_MAX_SCOPES)
		return 0;
	__sync_fetch_and_or(&open->places[place].state, (__u64)LG_SCOPE_ANNOUNCED);
	return 1;
}

/* Closes the scope that `object` names; its number, 0 where none is open. */
__weak __noinline __u32 close_scope(__u32 index, __u64 object)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	__u32 place = find_scope(index, object), number;

	if (!open || place >= LG_MAX_SCOPES)
		return 0;
	number = scope_number(&open->places[place]);
	return close_place(index, place, number) ? number : 0;
}

/* The number of the open scope that `object` names, if blocks charged to it or inside it are outstanding. */
__weak __noinline __u32 find_dirty_scope(__u32 index, __u64 object)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	__u32 place = find_scope(index, object);
	__u64 state;

	if (!open || place >= LG_MAX_SCOPES)
		return 0;
	state = scope_state(&open->places[place]);
	return (state & (LG_SCOPE_ANNOUNCED - 1)) > LG_SCOPE_NO_BLOCKS ? state >> 32 : 0;
}

#endif
