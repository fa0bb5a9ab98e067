/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Judged moments: a process with outstanding blocks is held at the end of a test window and at its own end,
 * until user space has taken over (it stops the threads by ptrace) or has looked at the memory. See
 * docs/decisions/0040.
 */
#ifndef LEAKGATE_MOMENT_BPF_H
#define LEAKGATE_MOMENT_BPF_H

#include "hold.bpf.h"

#define LG_MOMENT_TURNS (1 << 23)
#define LG_MOMENT_ROUNDS 32

struct moment_state {
	__u32 proc;
	__u32 moment;
	__u32 done;
	__u64 stack; /* any readable address; 0 where the program may not sleep */
	__u64 deadline;
};

static __always_inline int is_answered(struct moment_state *state)
{
	__u32 proc = state->proc;
	volatile __u32 *answer = bpf_map_lookup_elem(&answered, &proc);

	return !answer || (__s32)(*answer - state->moment) >= 0;
}

/*
 * The thread is to die at once: the process is killed, or another thread's exec or exit waits for it. Who
 * waits with it must not wait for user space, which cannot seize a process that is about to exec.
 */
static __always_inline int is_dying(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();

	return (BPF_CORE_READ(task, pending.signal.sig[0]) & (1UL << (9 - 1))) != 0;
}

static __always_inline int is_over(__u32 turn, struct moment_state *state)
{
	__u64 now;

	if (is_answered(state)) {
		state->done = 1;
		return 1;
	}
	if ((turn & 15) != 15)
		return 0;
	now = bpf_ktime_get_ns();
	if (is_user_space_gone(now) || now > state->deadline || is_dying()) {
		state->done = 1;
		return 1;
	}
	return 0;
}

static __attribute__((unused)) long patient_moment_turn(__u32 turn, void *context)
{
	struct moment_state *state = context;

	if (is_over(turn, state))
		return 1;
	give_way(state->stack);
	return 0;
}

/* Tells user space of a judged moment; its number, or 0 where nothing is waited for. */
static __always_inline __u32 announce_moment(struct lg_proc *proc, __u32 index, __u32 kind, __u32 window,
					     struct task_struct *task)
{
	struct lg_record_moment *record = reserve_record(sizeof(*record), LG_REC_MOMENT, index);
	__u32 moment;

	if (!record)
		return 0;
	moment = __sync_fetch_and_add(&proc->moment, 1) + 1;
	record->moment = moment;
	record->kind = kind;
	record->window = window;
	record->tid = visible_tid(task);
	record->question = 0;
	record->flags = 0;
	record->pad = 0;
	record->answer_bytes = 0;
	record->answer = 0;
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
	return moment;
}

/* Nothing to judge, or not to be judged. */
static __always_inline int is_idle_moment(const struct lg_proc *proc)
{
	return (__s64)(proc->allocations - proc->frees) <= 0 ||
	       (proc->flags & (LG_PROC_DEATH_TEST | LG_PROC_ENDING));
}

/* Waits until the moment has been looked at; for programs that may sleep. */
static __always_inline void await_answer(struct pt_regs *ctx, __u32 index, __u32 moment)
{
	struct moment_state state = {
	    .proc = index, .moment = moment, .stack = PT_REGS_SP(ctx), .deadline = ~0ULL};
	int i;

	for (i = 0; i < LG_MOMENT_ROUNDS && !state.done; i++)
		bpf_loop(LG_MOMENT_TURNS, patient_moment_turn, &state, 0);
}

/* Holds the calling thread at a judged moment; for programs that may sleep. */
static __always_inline void hold_at_moment(struct pt_regs *ctx, struct lg_proc *proc, __u32 index, __u32 kind,
					   __u32 window)
{
	__u32 moment =
	    announce_moment(proc, index, kind, window, (struct task_struct *)bpf_get_current_task_btf());

	if (kind == LG_MOMENT_EXIT)
		proc->end_moment = moment;
	if (moment)
		await_answer(ctx, index, moment);
}

#endif
