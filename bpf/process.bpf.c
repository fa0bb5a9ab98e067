// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The tree of processes: who is traced. The root is adopted at its exec, children at their fork, before they
 * run.
 */
#include "moment.bpf.h"

#define LG_AT_BASE 7
#define LG_AUXV_PAIRS 24
#define LG_PATIENT_HOLD_NS 2000000000ULL

/* The canary's one image stands behind all others, so that it takes no place and no number from them. */
static __always_inline int is_canary(__u32 pid)
{
	return cfg_canary_pid && pid == cfg_canary_pid;
}

/*
 * Run once by leakgate itself. Its /proc cannot tell: what is mounted in a container lists no number from
 * outside of it.
 */
SEC("raw_tp")
int learn_pid_namespace(void *context)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	pid_level = BPF_CORE_READ(pid, level);
	pid_namespace = (__u64)BPF_CORE_READ(number_at(pid, pid_level), ns);
	return 0;
}

/* A new process image with an index of its own; 0xffffffff when the table is full. */
static __always_inline __u32 new_process(__u32 tgid, __u32 pid, __u32 parent, __u32 flags)
{
	__u32 canary = is_canary(pid), index = cfg_max_processes;
	struct lg_proc *proc;

	if (!canary)
		index = __sync_fetch_and_add(&totals.processes, 1);
	if (index >= cfg_max_processes + canary)
		goto full;
	proc = process_of(index);
	if (!proc)
		goto full;
	proc->tgid = tgid;
	proc->pid = pid;
	proc->parent = parent;
	proc->flags = flags;
	proc->index = index;
	if (bpf_map_update_elem(&tgids, &tgid, &index, BPF_ANY))
		goto full;
	return index;
full:
	lose(LG_LOST_process_table_full);
	return ~0U;
}

/* The child sees the parent's memory as it was: what was examined there is examined here. */
static __always_inline void inherit_modules(__u32 parent, __u32 child)
{
	struct lg_mapping_table *table = bpf_map_lookup_elem(&mapping_tables, &parent);
	__u32 *ready = bpf_map_lookup_elem(&examined, &parent);

	if (table)
		bpf_map_update_elem(&mapping_tables, &child, table, BPF_ANY);
	if (ready)
		bpf_map_update_elem(&examined, &child, ready, BPF_ANY);
}

/* Remembers in which test a thread is started, and by a thread of which test. */
static __always_inline void note_birth(struct task_struct *child, __u32 tgid)
{
	struct lg_thread *thread =
	    bpf_task_storage_get(&threads, (struct task_struct *)bpf_get_current_task_btf(), 0, 0);
	__u32 tid = BPF_CORE_READ(child, pid), *index = bpf_map_lookup_elem(&tgids, &tgid), window = 0;
	struct lg_proc *proc = index ? process_of(*index) : NULL;

	if (!proc)
		return;
	if (thread && thread->proc)
		window = charged_window(thread, proc);
	else if (proc->test_root)
		window = proc->test;
	/* without a place here its blocks would be charged to another test, or to none */
	if (window && (proc->test_root || (thread && thread->birth)) &&
	    bpf_map_update_elem(&births, &tid, &window, BPF_ANY))
		lose(LG_LOST_thread_table_full);
}

/* The image that fork made is gone. Without any, what its parent frees is nobody's. */
static __always_inline void end_heir(const struct lg_proc *proc)
{
	struct lg_proc *parent = proc->flags & LG_PROC_HEIR ? process_of(proc->parent) : NULL;
	__u64 left_before;

	if (!parent)
		return;
	left_before = parent->left_before;
	if (__sync_fetch_and_add(&parent->heirs, -1) == 1) /* unless it forks the next one meanwhile */
		__sync_val_compare_and_swap(&parent->left_before, left_before, 0);
}

SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (void *)ctx->args[0], *child = (void *)ctx->args[1];
	__u32 parent_tgid = BPF_CORE_READ(parent, tgid), child_tgid = BPF_CORE_READ(child, tgid);
	__u32 *parent_index, index, flags, parent_value;
	struct lg_record_fork *record;
	struct lg_proc *proc;

	if (parent_tgid == child_tgid) {
		note_birth(child, parent_tgid);
		return 0;
	}
	parent_index = bpf_map_lookup_elem(&tgids, &parent_tgid);
	if (!parent_index)
		return 0;
	parent_value = *parent_index;
	if (BPF_CORE_READ(parent, mm) == BPF_CORE_READ(child, mm)) {
		/* vfork and its kind: until exec the child works in the parent's heap */
		bpf_map_update_elem(&tgids, &child_tgid, &parent_value, BPF_ANY);
		return 0;
	}
	proc = process_of(parent_value);
	if (!proc)
		return 0;
	flags = proc->flags & (LG_PROC_DEATH_TEST | LG_PROC_HOLD_ASKED | LG_PROC_LATE);
	flags |= LG_PROC_HEIR;
	if (proc->death_tid && proc->death_tid == (__u32)bpf_get_current_pid_tgid()) {
		proc->death_tid = 0;
		flags |= LG_PROC_DEATH_TEST;
	}
	index = new_process(child_tgid, visible_pid(child), parent_value, flags);
	if (index == ~0U)
		return 0;
	inherit_modules(parent_value, index);
	__sync_fetch_and_add(&proc->heirs, 1);
	proc->left_before = (__u64)index << 32 | (now_ms() + 1);
	record = reserve_record(sizeof(*record), LG_REC_FORK, parent_value);
	if (!record)
		return 0;
	record->child = index;
	record->flags = flags;
	record->test = proc->test_root;
	record->pid = visible_pid(child);
	bpf_ringbuf_submit(record, 0);
	return 0;
}

/* True when the new image has no program interpreter: nothing will be mapped by a dynamic linker. */
static __always_inline int image_is_static(struct mm_struct *mm)
{
	__u64 pair[2];
	int i;

	for (i = 0; i < LG_AUXV_PAIRS; i++) {
		bpf_probe_read_kernel(pair, sizeof(pair),
				      (void *)mm + bpf_core_field_offset(struct mm_struct, saved_auxv) +
					  i * 16);
		if (pair[0] == LG_AT_BASE)
			return pair[1] == 0;
		if (!pair[0])
			break;
	}
	return 1;
}

static __always_inline void send_exec(__u32 before, __u32 index, struct task_struct *task,
				      struct linux_binprm *bprm, __u8 same_process)
{
	struct lg_record_exec *record = reserve_record(sizeof(*record), LG_REC_EXEC, index);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u64 start, bytes;

	if (!record)
		return;
	record->replaced = before;
	record->pid = visible_pid(task);
	record->same_process = same_process;
	start = BPF_CORE_READ(mm, arg_start);
	bytes = BPF_CORE_READ(mm, arg_end) - start;
	if (bytes > LG_ARGS_MAX)
		bytes = LG_ARGS_MAX;
	record->args_bytes = bytes;
	if (bpf_probe_read_user(record->args, bytes, (void *)start))
		record->args_bytes = 0;
	record->is_static = image_is_static(mm);
	bpf_probe_read_kernel_str(record->exe, sizeof(record->exe), BPF_CORE_READ(bprm, filename));
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	struct linux_binprm *bprm = (void *)ctx->args[2];
	__u32 tgid = BPF_CORE_READ(task, tgid), pid = visible_pid(task), flags = LG_PROC_EXECED;
	__u32 *found = bpf_map_lookup_elem(&tgids, &tgid), before = ~0U, index;
	struct lg_thread *thread;
	struct lg_proc *proc;
	__u8 same_process = 0;

	if (found) {
		before = *found;
		proc = process_of(before);
		if (proc) {
			flags |= proc->flags & LG_PROC_DEATH_TEST;
			same_process = proc->tgid == tgid;
			if (same_process) { /* what is read of its memory from now on is another program's */
				__sync_fetch_and_or(&proc->flags, LG_PROC_LET_GO);
				end_heir(proc);
			}
		}
		/* a vfork child has its parent's index: the death test flag waits on the parent's thread */
		if (proc && !same_process && proc->death_tid) {
			proc->death_tid = 0;
			flags |= LG_PROC_DEATH_TEST;
		}
	} else if (pid != cfg_root_pid && !is_canary(pid)) {
		return 0;
	}
	index = new_process(tgid, pid, before, flags);
	if (index == ~0U)
		return 0;
	thread = bpf_task_storage_get(&threads, (struct task_struct *)bpf_get_current_task_btf(), 0, 0);
	if (thread)
		thread->proc = 0; /* looked up again at its next event */
	send_exec(before, index, task, bprm, same_process);
	return 0;
}

static long spinning_moment_turn(__u32 turn, void *context)
{
	return is_over(turn, context);
}

/*
 * The last thread is gone without _exit. From 6.16 on the tracepoint comes before the memory is given up
 * (commit 6f4a1ac7d2a3, "exit: move and extend sched_process_exit() tracepoint"); before, there is nothing to
 * look at.
 */
static __always_inline void hold_at_death(struct lg_proc *proc, __u32 index, struct task_struct *task)
{
	struct moment_state state = {.proc = index};
	int i;

	if (cfg_moments == LG_MOMENTS_NONE || is_idle_moment(proc) || !BPF_CORE_READ(task, mm))
		return;
	__sync_fetch_and_or(&proc->flags, LG_PROC_ENDING);
	state.moment = announce_moment(proc, index, LG_MOMENT_DEATH, proc->test, task);
	if (!state.moment)
		return;
	/*
	 * This wait gives no way: on its only processor user space could not run, whatever it waited for. Nor
	 * could it where a group is killed, and as many wait at once as there are processors.
	 */
	state.done = bpf_get_smp_processor_id() == cfg_only_processor;
	if (__sync_fetch_and_add(&deaths_held, 1) + 1 >= cfg_processors && cfg_processors > 1)
		state.done = 1;
	state.deadline = bpf_ktime_get_ns() + LG_BEAT_NS;
	for (i = 0; i < LG_MOMENT_ROUNDS && !state.done; i++)
		bpf_loop(LG_MOMENT_TURNS, spinning_moment_turn, &state, 0);
	__sync_fetch_and_add(&deaths_held, -1);
	/* what is read of its memory from now on is worth nothing */
	if (!is_answered(&state))
		__sync_fetch_and_or(&proc->flags, LG_PROC_LET_GO);
}

SEC("raw_tp/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	__u32 tgid = BPF_CORE_READ(task, tgid), index, *found = bpf_map_lookup_elem(&tgids, &tgid);
	struct lg_record_exit *record;
	struct lg_proc *proc;
	__u32 pid;

	if (bpf_task_storage_get(&threads, (struct task_struct *)bpf_get_current_task_btf(), 0, 0))
		__sync_fetch_and_add(&totals.threads, -1);
	if (!found)
		return 0;
	pid = BPF_CORE_READ(task, pid);
	bpf_map_delete_elem(&births, &pid);
	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	index = *found;
	proc = process_of(index);
	if (proc && proc->tgid == tgid)
		hold_at_death(proc, index, task);
	bpf_map_delete_elem(&tgids, &tgid);
	if (!proc || proc->tgid != tgid)
		return 0; /* a vfork child that never reached exec */
	end_heir(proc);
	record = reserve_record(sizeof(*record), LG_REC_EXIT, index);
	if (!record)
		return 0;
	record->status = BPF_CORE_READ(task, exit_code);
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
	return 0;
}

struct patient_state {
	struct hold_state hold;
	__u64 stack; /* any readable address */
};

static long patient_turn(__u32 turn, void *context)
{
	struct patient_state *state = context;

	if (hold_turn(turn, &state->hold))
		return 1;
	give_way(state->stack);
	return 0;
}

/*
 * The dynamic linker's debugger hook: called when the list of mapped objects changes. The cookie is the
 * distance from here to r_debug.r_state, 0 for RT_CONSISTENT: everything is mapped, no constructor of the new
 * objects has run. Cookie 0: a place that is met in that state alone (musl's hook, a static program's entry).
 */
SEC("uprobe.multi.s")
int link_map_changed(struct pt_regs *ctx)
{
	struct patient_state state = {.stack = PT_REGS_SP(ctx)};
	struct lg_thread *thread = current_thread();
	__u32 link_map_state = 1, zero = 0, index;
	struct lg_proc *proc;

	keep_own_stack();
	if (!thread)
		return 0;
	index = thread->proc - 1;
	proc = process_of(index);
	if (!proc)
		return 0;
	/* one that only lists its libraries gets no further than this */
	if (!(proc->flags & LG_PROC_LINKING))
		__sync_fetch_and_or(&proc->flags, LG_PROC_LINKING);
	if (bpf_get_attach_cookie(ctx) &&
	    (bpf_copy_from_user(&link_map_state, sizeof(link_map_state),
				(void *)PT_REGS_IP(ctx) + (__s64)bpf_get_attach_cookie(ctx)) ||
	     link_map_state != 0))
		return 0;
	__sync_fetch_and_and(&proc->flags, ~LG_PROC_HOLD_ASKED);
	bpf_map_update_elem(&examined, &index, &zero, BPF_ANY);
	ask_to_examine(proc, index);
	state.hold.proc = index;
	/* a leakgate that is stopped costs one process its patience, not each */
	state.hold.deadline = bpf_ktime_get_ns() + (user_space_absent ? LG_HOLD_NS : LG_PATIENT_HOLD_NS);
	bpf_loop(LG_HOLD_TURNS, patient_turn, &state, 0);
	user_space_absent = !state.hold.done;
	if (!state.hold.done)
		note_vain_hold(proc);
	/* where the wait ends too early, this thread's next allocation goes on waiting */
	thread->examined = state.hold.done;
	return 0;
}
