/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tells a call that a signal handler makes while it interrupts an allocation function from a call that this
 * function makes itself: between the two stands the frame the kernel pushed for the handler.
 */
#ifndef LEAKGATE_SIGNALS_BPF_H
#define LEAKGATE_SIGNALS_BPF_H

#include "unwind.bpf.h"

/* The kernel's signal frame (return address, ucontext, siginfo, FPU state, red zone) is never smaller. */
#define LG_SIGNAL_FRAME_MIN 1024
#define LG_SIGNAL_SEARCH_FRAMES 64

struct signal_search {
	struct walk walk;
	__u64 limit; /* frames at or above this stack pointer are not looked at */
	__u32 found;
};

static long signal_step(__u32 turn, void *context)
{
	struct signal_search *search = context;
	struct walk *w = &search->walk;
	struct lg_pc_entry entry = {};
	__u32 kind;

	if (!w->pc || w->sp > search->limit)
		return 1;
	cached_look_up(&entry, w);
	kind = LG_RULE_KIND(entry.rule);
	if (kind == LG_RULE_SIGNAL) {
		search->found = 1;
		return 1;
	}
	if (kind == LG_RULE_END)
		return 1;
	if (kind == LG_RULE_NONE)
		return step_frame_pointer(w, LG_TRUNCATED_NO_CFI) != 0;
	return step_rule(w, entry.rule) != 0;
}

/*
 * True when a signal frame stands between the call that is entered with these registers and the frame at
 * `limit`. False also where the stack cannot be walked that far.
 */
__weak __noinline int in_signal_handler(__u64 sp, __u64 bp, struct lg_thread *thread, __u64 limit)
{
	struct signal_search search = {.limit = limit};
	struct lg_mapping_table *table;
	__u32 proc;

	if (!thread || cfg_unwind != LG_UNWIND_EH_FRAME)
		return 0;
	search.walk.sp = sp + 8;
	search.walk.bp = bp;
	if (read_word(&search.walk.pc, sp))
		return 0;
	proc = thread->proc - 1;
	table = bpf_map_lookup_elem(&mapping_tables, &proc);
	if (table)
		search.walk.table = *table;
	bpf_loop(LG_SIGNAL_SEARCH_FRAMES, signal_step, &search, 0);
	return search.found;
}

#endif
