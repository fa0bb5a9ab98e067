/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Scopes that are open in a process: a stack, innermost last. A scope knows how many of the blocks charged to
 * it, and to what was opened inside it and closed since, are outstanding; so one with none costs nothing to
 * check. Programs without an adapter never get here.
 */
#ifndef LEAKGATE_SCOPES_BPF_H
#define LEAKGATE_SCOPES_BPF_H

#include "task.bpf.h"

enum { LG_MAX_SCOPES = 16 };

struct lg_scope {
	__u64 object; /* names it */
	__s64 live;
	__u32 window; /* 0: not open */
	__u32 pad;
};

struct lg_scopes {
	struct lg_scope levels[LG_MAX_SCOPES];
};

/* process index -> its open scopes */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct lg_scopes);
} scopes __weak SEC(".maps");

/* A block charged to `window` was made (1) or freed (-1). */
__weak __noinline int count_in_scope(__u32 index, __u32 window, int change)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	int i;

	if (!open)
		return 0;
	for (i = LG_MAX_SCOPES - 1; i >= 0; i--) {
		if (!open->levels[i].window || open->levels[i].window > window)
			continue;
		__sync_fetch_and_add(&open->levels[i].live, (__s64)change);
		return 1;
	}
	return 0;
}

/* Closes the scopes opened inside window `window`; the scope that is then the innermost, 0 for none. */
__weak __noinline __u32 close_scopes_in(__u32 index, __u32 window)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	struct lg_proc *proc = process_of(index);
	__u32 innermost = 0;
	int i;

	if (!open || !proc)
		return 0;
	for (i = 0; i < LG_MAX_SCOPES; i++) {
		if (open->levels[i].window > window) {
			open->levels[i].window = 0;
			if (proc->scopes)
				proc->scopes--;
		} else if (open->levels[i].window) {
			innermost = open->levels[i].window;
		}
	}
	return innermost;
}

/* Opens scope `window`; false where there is no room. */
__weak __noinline int push_scope(__u32 index, __u64 object, __u32 window)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	struct lg_proc *proc = process_of(index);
	struct lg_scope *level;
	__u32 depth;

	if (!proc)
		return 0;
	if (!open) {
		static const struct lg_scopes none = {};

		bpf_map_update_elem(&scopes, &index, &none, BPF_NOEXIST);
		open = bpf_map_lookup_elem(&scopes, &index);
		if (!open)
			return 0;
	}
	depth = __sync_fetch_and_add(&proc->scopes, 1);
	if (depth >= LG_MAX_SCOPES) {
		__sync_fetch_and_add(&proc->scopes, -1);
		return 0;
	}
	level = &open->levels[depth & (LG_MAX_SCOPES - 1)];
	level->object = object;
	level->live = 0;
	level->window = window;
	return 1;
}

/*
 * Closes the scope that `object` names; the scopes above it move down, and its blocks count for the one
 * below. The scope that is then the innermost, 0 for none.
 */
__weak __noinline __u32 pull_scope(__u32 index, __u64 object)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	struct lg_proc *proc = process_of(index);
	__u32 innermost = 0;
	int i, found = 0;

	if (!open || !proc)
		return 0;
	for (i = 0; i < LG_MAX_SCOPES; i++) {
		if (!found && open->levels[i].window && open->levels[i].object == object) {
			found = 1;
			if (i > 0)
				open->levels[i - 1].live += open->levels[i].live;
		}
		if (found) {
			if (i + 1 < LG_MAX_SCOPES)
				open->levels[i] = open->levels[i + 1];
			else
				open->levels[i].window = 0;
		}
		if (open->levels[i].window)
			innermost = open->levels[i].window;
	}
	if (found && proc->scopes)
		proc->scopes--;
	return innermost;
}

/* The window of the open scope that `object` names, if blocks charged to it or inside it are outstanding. */
__weak __noinline __u32 find_dirty_scope(__u32 index, __u64 object)
{
	struct lg_scopes *open = bpf_map_lookup_elem(&scopes, &index);
	__u32 window = 0;
	__s64 live = 0;
	int i;

	if (!open)
		return 0;
	for (i = 0; i < LG_MAX_SCOPES; i++) {
		if (!window && open->levels[i].window && open->levels[i].object == object)
			window = open->levels[i].window;
		if (window && open->levels[i].window)
			live += open->levels[i].live;
	}
	return live > 0 ? window : 0;
}

#endif
