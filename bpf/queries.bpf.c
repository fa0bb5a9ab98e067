// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What an adapter in the process says and asks: a probe on the one instruction that all of it passes, with
 * the address of a struct lg_query in the first argument register. Where an answer is wanted and there is
 * something to tell, the process is held and user space writes the answer into its memory; else the kernel
 * side's silence is the answer. See docs/decisions/0050.
 */
#include "ledger.bpf.h"
#include "moment.bpf.h"
#include "windows.bpf.h"

static __always_inline void copy_text(char *out, __u32 room, __u64 from)
{
	out[0] = 0;
	if (from)
		bpf_probe_read_user_str(out, room, (void *)from);
}

/* Holds the process until user space has answered. */
static __noinline int ask_user_space(struct pt_regs *ctx, struct lg_query *query, __u32 index, __u32 window)
{
	struct moment_state state = {.proc = index, .stack = PT_REGS_SP(ctx), .deadline = ~0ULL};
	struct lg_proc *proc = process_of(index);
	struct lg_record_moment *record;
	int i;

	if (!proc || !query || is_idle_moment(proc))
		return 0;
	record = reserve_record(sizeof(*record), LG_REC_MOMENT, index);
	if (!record)
		return 0;
	state.moment = __sync_fetch_and_add(&proc->moment, 1) + 1;
	record->moment = state.moment;
	record->kind = LG_MOMENT_ASKED;
	record->window = window;
	record->tid = visible_tid((struct task_struct *)bpf_get_current_task_btf());
	record->question = query->kind;
	record->flags = query->flags;
	record->pad = 0;
	record->answer_bytes = query->answer_bytes;
	record->answer = query->answer;
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
	for (i = 0; i < LG_MOMENT_ROUNDS && !state.done; i++)
		bpf_loop(LG_MOMENT_TURNS, patient_moment_turn, &state, 0);
	return 0;
}

/* Closes the open window as the adapter tells it. */
static __noinline int end_asked_test(struct lg_query *query, __u32 index)
{
	struct lg_proc *proc = process_of(index);
	struct lg_record_test *record;

	if (!proc || !query)
		return 0;
	record = reserve_record(sizeof(*record), LG_REC_TEST_END, index);
	if (record) {
		describe_end(proc, record);
		record->failed += query->failed;
		record->skipped += query->skipped;
		submit_unhurried(record);
	}
	shut_window(proc);
	return 0;
}

/* A test that its framework's functions told of already is the same test: both have the same object. */
static __noinline int start_asked_test(struct lg_query *query, __u32 index)
{
	struct lg_proc *proc = process_of(index);
	struct lg_record_test *record;

	if (!proc || !query)
		return 0;
	proc->listens = 1;
	if (proc->test_root) {
		if (proc->test_object == query->object)
			return 0;
		end_asked_test(query, index);
	}
	open_window(proc, query->framework, query->object);
	await_body(proc);
	record = reserve_record(sizeof(*record), LG_REC_TEST_START, index);
	if (!record)
		return 0;
	record->test = proc->test_root;
	record->framework = query->framework;
	record->line = query->line;
	record->tid = (__u32)bpf_get_current_pid_tgid();
	copy_text(record->suite, LG_NAME_MAX, query->suite);
	copy_text(record->name, LG_NAME_MAX, query->name);
	copy_text(record->file, LG_PATH_MAX, query->file);
	submit_unhurried(record);
	return 0;
}

/* The window to answer for, 0 where there is nothing to tell. */
static __always_inline __u32 end_of_test(struct lg_query *query, struct lg_proc *proc, __u32 index)
{
	if (proc->test_object != query->object)
		return 0;
	if (proc->test_root)
		end_asked_test(query, index);
	return proc->ended_dirty && cfg_moments == LG_MOMENTS_TESTS ? proc->ended_test : 0;
}

/* What a thread of an earlier test makes in a scope of its own is the scope's. */
static __always_inline void enter_own_scope(struct lg_thread *thread, __u32 window)
{
	if (!thread->birth)
		return;
	thread->later_birth = thread->birth;
	thread->birth = 0;
	thread->own_scope = window;
}

static __always_inline void leave_own_scope(struct lg_thread *thread, __u32 window)
{
	if (thread->own_scope != window)
		return;
	thread->birth = thread->later_birth;
	thread->own_scope = 0;
}

/* The scope's number, 0 where there is no room. */
static __noinline __u32 start_scope(struct lg_query *query, __u32 index)
{
	struct lg_proc *proc = process_of(index);
	struct lg_record_scope *record;
	__u32 window, parent;

	if (!proc || !query)
		return 0;
	window = open_scope(index, query->object);
	if (!window) {
		lose(LG_LOST_scopes_too_deep);
		return 0;
	}
	record = reserve_record(sizeof(*record), LG_REC_SCOPE, index);
	if (record) {
		parent = innermost_scope(index, window);
		record->window = window;
		record->parent = parent > proc->test_root ? parent : proc->test_root;
		copy_text(record->name, LG_NAME_MAX, query->name);
		submit_unhurried(record);
	}
	announce_scope(index, query->object); /* by now user space can say what blocks of it are of */
	settle_charge(index);
	return window;
}

/* Tells user space something about a window or scope. */
static __always_inline void tell_of_window(__u32 type, __u32 window, __u32 index)
{
	struct lg_record_window *record = reserve_record(sizeof(*record), type, index);

	if (!record)
		return;
	record->window = window;
	record->pad = 0;
	submit_unhurried(record);
}

static __noinline int ignore_block(__u64 address, __u32 index)
{
	struct lg_live_key key = {.addr = address, .proc = index};
	__u64 name = live_name(&key), hash = live_hash(name);
	__u32 tiers = live_tier_count, i;

	for (i = 1; i <= LG_LIVE_TIERS; i++) {
		if (i > tiers || ignore_in_tier(tiers - i, hash, name))
			break;
	}
	return 0;
}

SEC("uprobe.multi.s")
int query_hit(struct pt_regs *ctx)
{
	struct lg_thread *thread = current_thread();
	struct lg_query query = {};
	struct lg_proc *proc;
	__u32 index, window = 0, scope;

	keep_own_stack();
	if (!thread)
		return 0;
	index = thread->proc - 1;
	proc = process_of(index);
	if (!proc || proc->tgid != (__u32)(bpf_get_current_pid_tgid() >> 32))
		return 0; /* a vfork child, in its parent's memory */
	if (bpf_copy_from_user(&query, sizeof(query), (void *)PT_REGS_PARM1(ctx)) || query.version != 1)
		return 0;
	switch (query.kind) {
	case LG_ASK_TEST_START:
		start_asked_test(&query, index);
		break;
	case LG_ASK_TEST_END:
		window = end_of_test(&query, proc, index);
		break;
	case LG_ASK_TEST_FAILED:
		tell_of_window(LG_REC_TEST_FAILED, proc->ended_test, index);
		break;
	case LG_ASK_SCOPE_START:
		scope = start_scope(&query, index);
		if (scope)
			enter_own_scope(thread, scope);
		break;
	case LG_ASK_SCOPE_END:
		scope = close_scope(index, query.object);
		if (!scope)
			break;
		settle_charge(index);
		leave_own_scope(thread, scope);
		break;
	case LG_ASK_SCOPE_CHECK:
		window = find_dirty_scope(index, query.object);
		break;
	case LG_ASK_ACCEPT:
		/* a scope of which nothing is outstanding has nothing to accept */
		tell_of_window(LG_REC_ACCEPTED, find_dirty_scope(index, query.object), index);
		break;
	case LG_ASK_IGNORE:
		ignore_block(query.object, index);
		break;
	case LG_ASK_DISABLE:
		thread->disabled++;
		break;
	case LG_ASK_ENABLE:
		if (thread->disabled)
			thread->disabled--;
		break;
	case LG_ASK_SNAPSHOT:
		ask_user_space(ctx, &query, index, 0);
		break;
	}
	if (window)
		ask_user_space(ctx, &query, index, window);
	return 0;
}
