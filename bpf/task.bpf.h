/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is calling: kernel task fields by CO-RE (only the members used, no vmlinux header), the thread's state,
 * its process.
 */
#ifndef LEAKGATE_TASK_BPF_H
#define LEAKGATE_TASK_BPF_H

#include "maps.bpf.h"

/*
 * User space has said nothing for too long, and goes on so while somebody looks: where a job was stopped, or
 * its machine, this thread may be the first one to run again.
 */
static __always_inline int is_user_space_gone(__u64 now)
{
	volatile __u64 *doubted = &user_doubted_ns;

	if ((__s64)(now - *(volatile __u64 *)&user_beat_ns) <= (__s64)LG_BEAT_NS)
		return 0;
	if (!*doubted)
		*doubted = now;
	return (__s64)(now - *doubted) > (__s64)LG_DOUBT_NS;
}

struct pid_namespace;

struct upid {
	int nr;
	struct pid_namespace *ns;
} __attribute__((preserve_access_index));

struct pid {
	unsigned int level;
	struct upid numbers[1];
} __attribute__((preserve_access_index));

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long saved_auxv[2];
} __attribute__((preserve_access_index));

struct signal_struct {
	struct {
		int counter;
	} live;
} __attribute__((preserve_access_index));

struct sigpending {
	struct {
		unsigned long sig[1];
	} signal;
} __attribute__((preserve_access_index));

struct thread_struct {
	unsigned long fsbase;
} __attribute__((preserve_access_index));

struct return_instance {
	unsigned long stack;
	unsigned long orig_ret_vaddr;
	struct return_instance *next;
} __attribute__((preserve_access_index));

struct uprobe_task {
	struct return_instance *return_instances;
} __attribute__((preserve_access_index));

struct task_struct {
	unsigned int __state;
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned long sas_ss_sp;
	struct thread_struct thread;
	struct uprobe_task *utask;
	struct sigpending pending;
	unsigned long jobctl;
	int pid;
	int tgid;
	int exit_code;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct task_struct *group_leader;
} __attribute__((preserve_access_index));

struct linux_binprm {
	const char *filename;
} __attribute__((preserve_access_index));

static __always_inline struct upid *number_at(struct pid *pid, __u32 level)
{
	return (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid);
}

/* The number of `pid` in leakgate's own pid namespace; 0 where it has none, as in another container. */
static __always_inline __u32 visible_number(struct pid *pid)
{
	struct upid *number;

	if (!pid || BPF_CORE_READ(pid, level) < pid_level)
		return 0;
	number = number_at(pid, pid_level);
	return (__u64)BPF_CORE_READ(number, ns) == pid_namespace ? BPF_CORE_READ(number, nr) : 0;
}

static __always_inline __u32 visible_pid(struct task_struct *task)
{
	return visible_number(BPF_CORE_READ(task, group_leader, thread_pid));
}

static __always_inline __u32 visible_tid(struct task_struct *task)
{
	return visible_number(BPF_CORE_READ(task, thread_pid));
}

/*
 * Integer argument `number` of the probed call, 0 for none. Each register is read by its own constant offset:
 * the verifier refuses a context pointer that was computed.
 */
static __always_inline __u64 argument(struct pt_regs *regs, __u32 number)
{
	__u64 first = PT_REGS_PARM1(regs), second = PT_REGS_PARM2(regs), third = PT_REGS_PARM3(regs);
	__u64 fourth = PT_REGS_PARM4(regs), fifth = PT_REGS_PARM5(regs);

	asm volatile("" : "+r"(first), "+r"(second), "+r"(third), "+r"(fourth), "+r"(fifth));
	switch (number) {
	case 0:
		return first;
	case 1:
		return second;
	case 2:
		return third;
	case 3:
		return fourth;
	case 4:
		return fifth;
	default:
		return 0;
	}
}

/*
 * Milliseconds since the start, as of the last timer tick: exact enough for the age of a block, and a tenth
 * of the price of reading the clock. The tick at the start is worked out once from the clock.
 */
static __always_inline __u32 now_ms(void)
{
	__u64 ticks = bpf_jiffies64();

	if (!start_ticks)
		start_ticks = ticks - (bpf_ktime_get_ns() - cfg_start_ns) / 1000 / cfg_tick_us;
	return (ticks - start_ticks) * cfg_tick_us / 1000;
}

static __always_inline struct lg_proc *process_of(__u32 index)
{
	return bpf_map_lookup_elem(&processes, &index);
}

/* The window that the calling thread was started in, 0 for none; asked once. */
static __always_inline __u32 take_birth(void)
{
	__u32 tid = bpf_get_current_pid_tgid(), window = 0, *birth = bpf_map_lookup_elem(&births, &tid);

	if (!birth)
		return 0;
	window = *birth;
	bpf_map_delete_elem(&births, &tid);
	return window;
}

/*
 * What the calling thread's allocations are charged to: to what is open now, or to the test that started the
 * thread, once that has ended.
 */
static __always_inline __u32 charged_window(const struct lg_thread *thread, const struct lg_proc *proc)
{
	if (!thread->birth || (proc->test_root && thread->birth >= proc->test_root))
		return proc->test;
	return thread->birth;
}

/* State of the calling thread, if its process is traced; makes it at the thread's first event. */
static __always_inline struct lg_thread *current_thread(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct lg_thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
	__u32 tgid, *index;

	if (thread && thread->proc)
		return thread;
	tgid = bpf_get_current_pid_tgid() >> 32;
	index = bpf_map_lookup_elem(&tgids, &tgid);
	if (!index)
		return NULL;
	if (!thread) {
		if (__sync_fetch_and_add(&totals.threads, 1) < cfg_max_threads)
			thread = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!thread) {
			__sync_fetch_and_add(&totals.threads, -1);
			lose(LG_LOST_thread_table_full);
			return NULL;
		}
	}
	thread->proc = *index + 1;
	thread->examined = 0;
	thread->disabled = 0;
	thread->birth = take_birth();
	thread->own_scope = 0;
	thread->depth = 0;
	thread->operators_noted = 0;
	thread->walk_depth = 0;
	return thread;
}

static __always_inline void *reserve_record(__u64 size, __u32 type, __u32 proc)
{
	struct lg_record *record = bpf_ringbuf_reserve(&records, size, 0);

	if (!record) {
		lose(LG_LOST_ring_full);
		return NULL;
	}
	record->type = type;
	record->proc = proc;
	record->time_ns = bpf_ktime_get_ns();
	return record;
}

/*
 * Submits a record that can wait: user space is woken only when a good part of the ring is in use. It reads
 * everything anyway when a record comes that cannot wait, and once a second.
 */
static __always_inline void submit_unhurried(void *record)
{
	__u64 waiting = bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA);

	bpf_ringbuf_submit(record, waiting > cfg_wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/*
 * For every program of a uprobe. From 6.13 on the kernel runs tracing programs with large frames on a stack
 * of the processor's ("private stack"), which is meant for programs that nothing interrupts. Those of uprobes
 * run in the task: one may be preempted, or give way, and another task that runs the same program on that
 * processor writes over its variables. Programs with a tail call keep to the task's own stack
 * (check_max_stack_depth() in the kernel's kernel/bpf/verifier.c); this one is never done, and the verifier
 * takes it out.
 */
static __always_inline void keep_own_stack(void)
{
	if (cfg_never) /* bpf_tail_call(), with nothing: what is not reached is not checked */
		asm volatile("call 12" : : : "r0", "r1", "r2", "r3", "r4", "r5");
}

#endif
