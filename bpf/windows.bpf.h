/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Test windows and the scopes inside and around them: who is charged for a block. Numbers of windows and
 * scopes are one series in each process, so whatever was opened inside a window has a larger number.
 */
#ifndef LEAKGATE_WINDOWS_BPF_H
#define LEAKGATE_WINDOWS_BPF_H

#include "scopes.bpf.h"

/* Opens a window; its number. */
static __always_inline __u32 open_window(struct lg_proc *proc, __u32 framework, __u64 object)
{
	proc->test_failed = 0;
	proc->test_skipped = 0;
	proc->test_last_throw = 0;
	proc->test_last_failure = 0;
	proc->test_allocations = 0;
	proc->test_bytes = 0;
	proc->test_live_bytes = 0;
	proc->test_peak_bytes = 0;
	proc->framework = framework;
	proc->test_object = object;
	proc->test_root = __sync_fetch_and_add(&proc->last_test, 1) + 1;
	settle_charge(proc->index);
	return proc->test_root;
}

/* What the framework does for itself at the start of a test is not charged to it, where it is known to end.
 */
static __always_inline void await_body(struct lg_proc *proc)
{
	if (!proc->tells_bodies || proc->tells_bodies != proc->framework)
		return;
	proc->awaits_body = 1;
	proc->test = 0;
}

/* A test's function is called, or one of its fixtures: `function` holds it. */
static __always_inline void begin_body(struct lg_proc *proc, __u32 framework, __u64 function)
{
	if (!proc->test_root || proc->framework != framework)
		return;
	if (function - proc->test_object < LG_TEST_OBJECT_BYTES)
		proc->tells_bodies = framework;
	if (proc->awaits_body && !proc->test)
		proc->test = proc->test_root;
	proc->awaits_body = 0;
}

/* Closes the open window, and the scopes in it; its number if it left blocks behind, else 0. */
static __always_inline __u32 shut_window(struct lg_proc *proc)
{
	__u32 window = proc->test_root;

	proc->ended_test = window;
	proc->ended_dirty = (__s64)proc->test_live_bytes > 0;
	proc->test_root = 0;
	if (proc->awaits_body) /* it did not come: not every body is told of */
		proc->tells_bodies = 0;
	proc->awaits_body = 0;
	if (proc->scopes)
		close_scopes_in(proc->index, window);
	settle_charge(proc->index);
	return proc->ended_dirty ? window : 0;
}

static __always_inline void describe_end(const struct lg_proc *proc, struct lg_record_test *record)
{
	record->test = proc->test_root;
	record->framework = proc->framework;
	record->failed = proc->test_failed;
	record->skipped = proc->test_skipped;
	record->last_throw = proc->test_last_throw;
	record->last_failure = proc->test_last_failure;
	record->allocations = proc->test_allocations;
	record->bytes = proc->test_bytes;
	record->peak_bytes = proc->test_peak_bytes;
	record->tid = (__u32)bpf_get_current_pid_tgid();
	record->suite[0] = 0;
	record->name[0] = 0;
	record->file[0] = 0;
	record->line = 0;
}

#endif
