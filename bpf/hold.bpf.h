/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Holding a process until user space has examined its modules, without a signal or ptrace that anybody could
 * see: a bounded wait in the kernel. It is repeated at each later event until user space answers, so the
 * processor is given back in between; if leakgate is gone, the bound lets the target run on. See
 * docs/decisions/0007.
 */
#ifndef LEAKGATE_HOLD_BPF_H
#define LEAKGATE_HOLD_BPF_H

#include "task.bpf.h"

#define LG_HOLD_NS 10000000ULL
#define LG_HOLD_TURNS (1 << 22)
#define LG_VAIN_HOLDS 16

struct hold_state {
	__u32 proc;
	__u32 done;
	__u64 deadline;
};

static long hold_turn(__u32 turn, void *context)
{
	struct hold_state *state = context;
	__u32 proc = state->proc;
	volatile __u32 *flag = bpf_map_lookup_elem(&examined, &proc);

	if (!flag || *flag) {
		state->done = 1;
		return 1;
	}
	return (turn & 15) == 15 && bpf_ktime_get_ns() > state->deadline;
}

/* Asks user space, once, to examine process `index`. */
static __always_inline void ask_to_examine(struct lg_proc *proc, __u32 index)
{
	struct lg_record *record;

	if (__sync_fetch_and_or(&proc->flags, LG_PROC_HOLD_ASKED) & LG_PROC_HOLD_ASKED)
		return;
	record = reserve_record(sizeof(*record), LG_REC_EXAMINE, index);
	if (record)
		bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

/* A few waits in vain are a busy machine: no test framework gets to its first test in so few allocations. */
static __always_inline void note_vain_hold(struct lg_proc *proc)
{
	if (__sync_fetch_and_add(&proc->vain_holds, 1) >= LG_VAIN_HOLDS)
		__sync_fetch_and_or(&proc->flags, LG_PROC_LATE);
}

/*
 * A turn of a wait in a program that may sleep: such a program holds up no RCU grace period, which placing
 * probes waits for, and this helper passes a rescheduling point, which gives the processor to user space on
 * kernels without preemption too. `stack` is any readable address.
 */
static __always_inline void give_way(__u64 stack)
{
	__u8 byte;

	bpf_copy_from_user_task(&byte, 1, (void *)stack, bpf_get_current_task_btf(), 0);
}

/* Waits for process `index` to be examined, at most LG_HOLD_NS; for programs that may not sleep. */
__weak __noinline int hold_until_examined(__u32 index)
{
	struct hold_state state = {.proc = index};
	struct lg_proc *proc = process_of(index);

	if (!proc)
		return 0;
	ask_to_examine(proc, index);
	state.deadline = bpf_ktime_get_ns() + LG_HOLD_NS;
	bpf_loop(LG_HOLD_TURNS, hold_turn, &state, 0);
	if (!state.done)
		note_vain_hold(proc);
	return state.done;
}

#endif
