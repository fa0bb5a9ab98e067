// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Test windows seen from outside: entry probes on the test framework's own functions. What each argument
 * points at is described by struct lg_mark (wire.h), chosen by the attach cookie.
 */
#include "moment.bpf.h"
#include "windows.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LG_MAX_MARKS);
	__type(key, __u32);
	__type(value, struct lg_mark);
} marks SEC(".maps");

static __always_inline __u64 follow(__u64 address, __u32 times)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (i < times && bpf_probe_read_user(&address, sizeof(address), (void *)address))
			return 0;
	}
	return address;
}

struct text_range {
	__u64 at;
	__u64 bytes;
};

static __always_inline void read_text(char *out, __u32 room, __u64 object, struct lg_text_field field)
{
	struct text_range range = {.bytes = room - 1};
	__u8 head[24] = {};
	__u64 at = object + field.off;
	__u32 bytes;

	out[0] = 0;
	switch (field.kind) {
	case LG_TEXT_STD_STRING:
	case LG_TEXT_STRING_REF:
		if (bpf_probe_read_user(&range, sizeof(range), (void *)at))
			return;
		break;
	case LG_TEXT_C_STRING:
		if (bpf_probe_read_user(&range.at, sizeof(range.at), (void *)at))
			return;
		break;
	case LG_TEXT_INLINE:
		range.at = at;
		break;
	case LG_TEXT_LIBCXX_STRING:
		if (bpf_probe_read_user(head, sizeof(head), (void *)at))
			return;
		if (head[0] & 1) {
			range.bytes = *(__u64 *)(head + 8);
			range.at = *(__u64 *)(head + 16);
		} else {
			range.bytes = head[0] >> 1;
			range.at = at + 1;
		}
		break;
	case LG_TEXT_DOCTEST_STRING:
		if (bpf_probe_read_user(head, sizeof(head), (void *)at))
			return;
		range.at = head[23] & 0x80 ? *(__u64 *)head : at;
		break;
	default:
		return;
	}
	bytes = range.bytes < room - 1 ? range.bytes : room - 1;
	bpf_probe_read_user_str(out, bytes + 1, (void *)range.at);
}

static __always_inline void add_totals(struct pt_regs *ctx, const struct lg_mark *mark,
				       struct lg_record_test *record)
{
	__u64 count, base;

	if (mark->outcome_arg == 0xff)
		return;
	base = argument(ctx, mark->outcome_arg);
	if (mark->outcome_form == LG_OUTCOME_PASSED_FLAG) {
		__u8 passed = 1;

		bpf_probe_read_user(&passed, sizeof(passed), (void *)base + mark->failed_off);
		record->failed += !passed;
		return;
	}
	if (mark->failed_off != 0xffff &&
	    !bpf_probe_read_user(&count, sizeof(count), (void *)base + mark->failed_off))
		record->failed += count;
	if (mark->skipped_off != 0xffff &&
	    !bpf_probe_read_user(&count, sizeof(count), (void *)base + mark->skipped_off))
		record->skipped += count;
}

/* The window's number if it left blocks behind, else 0. */
static __noinline int end_test(struct pt_regs *ctx, const struct lg_mark *mark, struct lg_thread *thread)
{
	struct lg_proc *proc = process_of(thread->proc - 1);
	struct lg_record_test *record;
	__u32 window;

	if (!proc || !mark || !proc->test_root)
		return 0;
	record = reserve_record(sizeof(*record), LG_REC_TEST_END, thread->proc - 1);
	if (!record) {
		shut_window(proc);
		return 0;
	}
	describe_end(proc, record);
	window = shut_window(proc);
	if (mark->role == LG_MARK_TEST_END)
		add_totals(ctx, mark, record);
	submit_unhurried(record);
	return window;
}

static __noinline int start_test(struct pt_regs *ctx, const struct lg_mark *mark, struct lg_thread *thread)
{
	struct lg_proc *proc = process_of(thread->proc - 1);
	struct lg_record_test *record;
	__u64 object;

	if (!proc || !mark)
		return 0;
	object = follow(argument(ctx, mark->arg), mark->deref);
	open_window(proc, mark->framework, object);
	await_body(proc);
	record = reserve_record(sizeof(*record), LG_REC_TEST_START, thread->proc - 1);
	if (!record)
		return 0;
	record->test = proc->test_root;
	record->framework = mark->framework;
	record->line = 0;
	if (mark->line_off != 0xffff)
		bpf_probe_read_user(&record->line, sizeof(record->line), (void *)object + mark->line_off);
	record->tid = (__u32)bpf_get_current_pid_tgid();
	read_text(record->suite, LG_NAME_MAX, object, mark->suite);
	read_text(record->name, LG_NAME_MAX, object, mark->name);
	read_text(record->file, LG_PATH_MAX, object, mark->file);
	submit_unhurried(record);
	return 0;
}

/* A suite has no window; its name is a level of the path of the tests in it. */
static __noinline int tell_suite(struct pt_regs *ctx, const struct lg_mark *mark, struct lg_thread *thread)
{
	struct lg_record_test *record;
	__u64 object;

	if (!mark)
		return 0;
	object = follow(argument(ctx, mark->arg), mark->deref);
	record = reserve_record(sizeof(*record),
				mark->role == LG_MARK_SUITE_START ? LG_REC_SUITE_START : LG_REC_SUITE_END,
				thread->proc - 1);
	if (!record)
		return 0;
	record->test = 0;
	record->framework = mark->framework;
	record->line = 0;
	record->tid = 0;
	read_text(record->suite, LG_NAME_MAX, object, mark->suite);
	read_text(record->name, LG_NAME_MAX, object, mark->name);
	record->file[0] = 0;
	submit_unhurried(record);
	return 0;
}

/* The number of an error that has just happened. */
static __always_inline __u32 next_error(void)
{
	return __sync_fetch_and_add(&totals.errors, 1) + 1;
}

static __always_inline void note_failure(struct lg_proc *proc)
{
	__sync_fetch_and_add(&proc->test_failed, 1);
	proc->test_last_failure = next_error();
}

static __always_inline void note_part(struct pt_regs *ctx, const struct lg_mark *mark, struct lg_proc *proc)
{
	__u64 type = argument(ctx, mark->outcome_arg);
	__u32 stored = 0;

	if (mark->outcome_form == LG_OUTCOME_ALWAYS) {
		note_failure(proc);
		return;
	}
	if (mark->outcome_form == LG_OUTCOME_IN_MEMORY) {
		if (bpf_probe_read_user(&stored, sizeof(stored), (void *)type))
			return;
		type = stored;
	}
	type &= 0xffffffff;
	if (type > 7)
		return;
	if (mark->failed_mask >> type & 1)
		note_failure(proc);
	if (mark->skipped_mask >> type & 1)
		__sync_fetch_and_add(&proc->test_skipped, 1);
}

/* True where the mark's condition on its object does not hold. */
static __always_inline int does_not_apply(const struct lg_mark *mark, __u64 object)
{
	__u8 value = 0;

	if (mark->when_off == 0xffff)
		return 0;
	return bpf_probe_read_user(&value, sizeof(value), (void *)object + mark->when_off) ||
	       value != mark->when_value;
}

/*
 * Closes the open window; the process is held while what the test left behind is looked at: here, or when its
 * adapter asks, which comes next.
 */
static __always_inline void close_test(struct pt_regs *ctx, const struct lg_mark *mark,
				       struct lg_thread *thread, struct lg_proc *proc)
{
	__u32 window = end_test(ctx, mark, thread);

	if (window && !proc->listens && cfg_moments == LG_MOMENTS_TESTS && !is_idle_moment(proc))
		hold_at_moment(ctx, proc, thread->proc - 1, LG_MOMENT_TEST_END, window);
}

SEC("uprobe.multi.s")
int mark_hit(struct pt_regs *ctx)
{
	__u32 id = bpf_get_attach_cookie(ctx);
	struct lg_mark *mark = bpf_map_lookup_elem(&marks, &id);
	struct lg_thread *thread = current_thread();
	struct lg_proc *proc;
	__u64 object;

	keep_own_stack();
	if (!mark || !thread)
		return 0;
	proc = process_of(thread->proc - 1);
	if (!proc)
		return 0;
	object = follow(argument(ctx, mark->arg), mark->deref);
	if (does_not_apply(mark, object))
		return 0;
	switch (mark->role) {
	case LG_MARK_TEST_START:
		if (proc->test_root && proc->test_object == object)
			break; /* another mark told of this start already */
		close_test(ctx, mark, thread,
			   proc); /* where the framework shows no end, the next start is it */
		start_test(ctx, mark, thread);
		break;
	case LG_MARK_TEST_END:
		if (!proc->crashed)
			close_test(ctx, mark, thread, proc);
		break;
	case LG_MARK_TEST_CRASH:
		proc->crashed = 1;
		break;
	case LG_MARK_TEST_PART:
		note_part(ctx, mark, proc);
		break;
	case LG_MARK_SUITE_START:
	case LG_MARK_SUITE_END:
		tell_suite(ctx, mark, thread);
		break;
	case LG_MARK_TESTS_DUE:
		proc->tests_due = 1;
		break;
	case LG_MARK_THROW:
		proc->test_last_throw = next_error();
		break;
	case LG_MARK_TEST_BODY:
		begin_body(proc, mark->framework, object);
		break;
	case LG_MARK_DEATH_FORK:
		proc->death_tid = (__u32)bpf_get_current_pid_tgid();
		break;
	}
	return 0;
}
