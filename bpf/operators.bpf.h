/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * operator new, where an allocator brings its own that does not go through malloc. An exception may leave it,
 * so it has no return probe: the entry notes the call, and plain probes on its `ret` instructions (where rax
 * holds the block and rsp is what it was at the entry) end it. A call that is left by an exception is
 * forgotten at the thread's next allocation call at or above its stack pointer. See docs/decisions/0015.
 */
#ifndef LEAKGATE_OPERATORS_BPF_H
#define LEAKGATE_OPERATORS_BPF_H

#include "hold.bpf.h"
#include "stacks.bpf.h"

#define LG_ONE_STACK (8 << 20)

/* Forgets the noted calls whose frames a call that starts at `sp` shows to be gone. */
static __always_inline void drop_left_operators(struct lg_thread *thread, __u64 sp)
{
	int i;

	for (i = 0; i < LG_MAX_OPERATORS; i++)
		if (thread->operators[i].sp <= sp && sp - thread->operators[i].sp < LG_ONE_STACK)
			thread->operators[i].sp = 0;
}

/* A call of the C family is under way further out on this stack: it counts for both. */
static __always_inline int inside_c_call(struct lg_thread *thread, __u64 sp)
{
	__u32 depth = thread->depth;
	__u64 outer;

	if (!depth || depth > LG_MAX_PENDING)
		return 0;
	outer = thread->pending[(depth - 1) & (LG_MAX_PENDING - 1)].sp;
	return sp < outer && outer - sp < (256 << 10);
}

SEC("uprobe.multi")
int operator_enter(struct pt_regs *ctx)
{
	struct lg_thread *thread = current_thread();
	__u64 sp = PT_REGS_SP(ctx);
	struct lg_operator *call;
	__u32 *ready, proc;

	keep_own_stack();
	if (!thread)
		return 0;
	proc = thread->proc - 1;
	if (!thread->examined) {
		ready = bpf_map_lookup_elem(&examined, &proc);
		if ((ready && *ready) || hold_until_examined(proc))
			thread->examined = 1;
	}
	if (inside_c_call(thread, sp))
		return 0;
	drop_left_operators(thread, sp);
	call = &thread->operators[thread->next_operator++ & (LG_MAX_OPERATORS - 1)];
	thread->operators_noted = 1;
	call->sp = sp;
	call->size = PT_REGS_PARM1(ctx);
	call->stack = take_stack(sp, PT_REGS_FP(ctx), thread, LG_FN_operator_new);
	return 0;
}

SEC("uprobe.multi")
int operator_return(struct pt_regs *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct lg_thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
	struct lg_live_key key = {.addr = PT_REGS_RC(ctx)};
	struct lg_live block = {};
	struct lg_proc *proc;
	__u32 found = 0;
	int i;

	keep_own_stack();
	if (!thread || !thread->proc || !thread->operators_noted)
		return 0;
	for (i = 0; i < LG_MAX_OPERATORS; i++) {
		if (thread->operators[i].sp != PT_REGS_SP(ctx))
			continue;
		thread->operators[i].sp = 0;
		block.size = thread->operators[i].size;
		block.stack = thread->operators[i].stack;
		found = 1;
	}
	if (!found || !key.addr)
		return 0;
	key.proc = thread->proc - 1;
	proc = process_of(key.proc);
	if (!proc || ledger_has(&key)) /* a function of the C family that it called has entered it */
		return 0;
	block.test = charged_window(thread, proc);
	block.tid = (__u32)bpf_get_current_pid_tgid() | (thread->disabled ? LG_LIVE_IGNORED : 0);
	block.time_ms = now_ms();
	if (ledger_put(&key, &block))
		count_allocation(proc, &block);
	return 0;
}

#endif
