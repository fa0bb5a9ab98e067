// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What judged moments need besides the wait: the probe at a process's end, and the registers of threads that
 * sleep in the kernel, which are better not disturbed.
 */
#include "moment.bpf.h"

/* Not for ever, whatever keeps leakgate. */
#define LG_END_NS 5000000000ULL
#define LG_ANNOUNCE_TURNS 4096
#define LG_TRAP_STOP (1UL << 19) /* JOBCTL_TRAP_STOP: ptrace has asked the thread to stop */

static long ending_turn(__u32 turn, void *context)
{
	struct moment_state *state = context;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();

	if (is_over(turn, state))
		return 1;
	if ((turn & 15) == 15 && (BPF_CORE_READ(task, jobctl) & LG_TRAP_STOP)) {
		state->done = 1;
		return 1;
	}
	give_way(state->stack);
	return 0;
}

/*
 * Another thread ends the process and is held for it: if this one went on, it would end the process while it
 * is looked at. That is over when the number behind the moment's is answered (HeldProcess::release), or this
 * thread is to be stopped as well. The other one may be about to announce its moment still.
 */
static __always_inline void await_end(struct pt_regs *ctx, struct lg_proc *proc, __u32 index)
{
	struct moment_state state = {.proc = index, .stack = PT_REGS_SP(ctx)};
	int i;

	for (i = 0; i < LG_ANNOUNCE_TURNS && !*(volatile __u32 *)&proc->end_moment; i++)
		give_way(PT_REGS_SP(ctx));
	if (!proc->end_moment)
		return;
	state.moment = proc->end_moment + 1;
	state.deadline = bpf_ktime_get_ns() + LG_END_NS;
	for (i = 0; i < LG_MOMENT_ROUNDS && !state.done; i++)
		bpf_loop(LG_MOMENT_TURNS, ending_turn, &state, 0);
}

/*
 * _exit: exit, quick_exit and pthread_exit of the last thread end here too, after handlers and static
 * destructors.
 */
SEC("uprobe.multi.s")
int exit_hit(struct pt_regs *ctx)
{
	struct lg_thread *thread = current_thread();
	struct lg_proc *proc;
	__u32 index;

	keep_own_stack();
	if (!thread)
		return 0;
	index = thread->proc - 1;
	proc = process_of(index);
	if (!proc || cfg_moments == LG_MOMENTS_NONE)
		return 0;
	if (proc->tgid != (__u32)(bpf_get_current_pid_tgid() >> 32))
		return 0; /* a vfork child, in its parent's memory */
	if (proc->flags & LG_PROC_ENDING) {
		await_end(ctx, proc, index);
		return 0;
	}
	if (is_idle_moment(proc))
		return 0;
	if (__sync_fetch_and_or(&proc->flags, LG_PROC_ENDING) & LG_PROC_ENDING) {
		await_end(ctx, proc, index);
		return 0;
	}
	hold_at_moment(ctx, proc, index, LG_MOMENT_EXIT, proc->test);
	return 0;
}

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

/* exit and quick_exit: notes where the program's own stack ends, and the registers it may still use. */
SEC("uprobe.multi")
int exit_called(struct pt_regs *ctx)
{
	struct lg_thread *thread = current_thread();
	struct lg_proc *proc = thread ? process_of(thread->proc - 1) : NULL;

	keep_own_stack();
	if (!proc || proc->tgid != (__u32)(bpf_get_current_pid_tgid() >> 32))
		return 0;
	proc->exit_sp = PT_REGS_SP(ctx);
	proc->exit_registers[0] = ctx->rbx;
	proc->exit_registers[1] = ctx->rbp;
	proc->exit_registers[2] = ctx->r12;
	proc->exit_registers[3] = ctx->r13;
	proc->exit_registers[4] = ctx->r14;
	proc->exit_registers[5] = ctx->r15;
	proc->exit_tid = visible_tid((struct task_struct *)bpf_get_current_task_btf());
	return 0;
}

static __always_inline void copy_registers(__u64 *out, struct pt_regs *regs, struct task_struct *task)
{
	struct pt_regs copy;

	if (bpf_probe_read_kernel(&copy, sizeof(copy), regs))
		return;
	out[LG_REG_AX] = copy.rax;
	out[LG_REG_BX] = copy.rbx;
	out[LG_REG_CX] = copy.rcx;
	out[LG_REG_DX] = copy.rdx;
	out[LG_REG_SI] = copy.rsi;
	out[LG_REG_DI] = copy.rdi;
	out[LG_REG_BP] = copy.rbp;
	out[LG_REG_SP] = copy.rsp;
	out[LG_REG_8] = copy.r8;
	out[LG_REG_9] = copy.r9;
	out[LG_REG_10] = copy.r10;
	out[LG_REG_11] = copy.r11;
	out[LG_REG_12] = copy.r12;
	out[LG_REG_13] = copy.r13;
	out[LG_REG_14] = copy.r14;
	out[LG_REG_15] = copy.r15;
	out[LG_REG_IP] = copy.rip;
	out[LG_REG_FS_BASE] = BPF_CORE_READ(task, thread.fsbase);
}

/* The innermost realloc under way. */
static __always_inline void note_moving(struct lg_thread_state *state, const struct lg_thread *thread)
{
	int i;

	if (!thread)
		return;
	for (i = 0; i < LG_MAX_PENDING; i++) {
		if ((__u32)i >= thread->depth || !thread->pending[i].old_addr)
			continue;
		state->moving = thread->pending[i].old_addr;
		state->moving_bytes = thread->pending[i].old.size;
	}
}

/* Writes a struct lg_thread_state for each thread of the process that the iterator was opened for. */
SEC("iter/task")
int list_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct lg_thread_state state = {};

	if (!task)
		return 0;
	state.tid = visible_tid(task);
	state.running = BPF_CORE_READ(task, __state) == 0;
	state.switches = BPF_CORE_READ(task, nvcsw) + BPF_CORE_READ(task, nivcsw);
	state.signal_stack = BPF_CORE_READ(task, sas_ss_sp);
	note_moving(&state, bpf_task_storage_get(&threads, task, 0, 0));
	copy_registers(state.registers, (struct pt_regs *)bpf_task_pt_regs(task), task);
	bpf_seq_write(ctx->meta->seq, &state, sizeof(state));
	return 0;
}
