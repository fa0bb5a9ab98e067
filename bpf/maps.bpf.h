/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Maps, settings and counters that several programs share. Weak definitions: each .bpf.c includes this and
 * the BPF linker makes one of them; what one concern alone uses stands with it. User space sizes what depends
 * on the run before load.
 */
#ifndef LEAKGATE_MAPS_BPF_H
#define LEAKGATE_MAPS_BPF_H

#include <linux/bpf.h>
#include <asm/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "wire.h"

enum lg_unwind_mode { LG_UNWIND_NONE = 0, LG_UNWIND_FRAME_POINTER = 1, LG_UNWIND_EH_FRAME = 2 };

enum lg_moments { LG_MOMENTS_NONE = 0, LG_MOMENTS_EXIT = 1, LG_MOMENTS_TESTS = 2 };

/* Settings, written once before load. */
__weak const volatile __u64 cfg_start_ns = 0;
__weak const volatile __u32 cfg_tick_us = 1000; /* length of a timer tick */
__weak const volatile __u32 cfg_unwind = LG_UNWIND_EH_FRAME;
__weak const volatile __u32 cfg_root_pid = 0;	/* the held target, in leakgate's pid namespace */
__weak const volatile __u32 cfg_canary_pid = 0; /* likewise; 0: none */
__weak const volatile __u32 cfg_max_processes = 0;
__weak const volatile __u64 cfg_wake_bytes = 0;	     /* records that can wait do so up to here */
__weak const volatile __u64 cfg_max_live_blocks = 0; /* 0: as many as memory allows */
__weak const volatile __u64 cfg_max_stacks = 0;	     /* 0: likewise */
__weak const volatile __u32 cfg_max_threads = 0;
__weak const volatile __u32 cfg_moments = LG_MOMENTS_TESTS;
__weak const volatile __u32 cfg_only_processor = ~0; /* the one that user space may run on; ~0: several */
__weak const volatile __u32 cfg_processors = 1;	     /* how many user space may run on */
__weak const volatile __u32 cfg_never = 0;	     /* always 0: see keep_own_stack() */

/* Counters and table sizes, shared with user space through the mapped .bss. */
__weak struct lg_totals totals = {};
__weak __u64 lost[LG_LOSS_COUNT] = {};
__weak __u32 pid_level = 0;	  /* depth of leakgate's pid namespace; learn_pid_namespace */
__weak __u64 pid_namespace = 0;	  /* its address: others of that depth have the same numbers */
__weak __u64 start_ticks = 0;	  /* number of the timer tick at cfg_start_ns */
__weak __u32 live_tier_count = 0; /* written by user space when it adds a tier */
__weak __u32 stack_tier_count = 0;
__weak __u32 node_tier_count = 0;
__weak __u64 truncated[LG_TRUNCATED_COUNT] = {}; /* walks that ended early, by enum lg_truncated */
__weak __u32 user_space_absent = 0;		 /* a wait ran out: user space clears it when it is back */
__weak __u32 deaths_held = 0;	  /* processes in hold_at_death(), each of which keeps a processor */
__weak __u64 user_beat_ns = 0;	  /* when user space last said that it is there; CLOCK_MONOTONIC */
__weak __u64 user_doubted_ns = 0; /* when it was first missed since; 0: it was not */

/* User space that has said nothing for so long is dead or stopped: nothing waits for it. */
#define LG_BEAT_NS 2000000000ULL
/* Once that is so, it has three of its beats more to say something. */
#define LG_DOUBT_NS 600000000ULL

/* An allocation call under way on one stack. */
struct lg_pending {
	__u64 sp; /* stack pointer at the call's entry: names the call until it returns */
	__u64 size;
	__u64 old_addr; /* realloc: the block taken out of the ledger at entry */
	__u64 out_addr; /* posix_memalign: where the result will stand */
	__u32 stack;
	__u32 function;
	struct lg_live old;
};

enum { LG_MAX_PENDING = 4, LG_MAX_OPERATORS = 4 };

/* A call of an operator new that does not go through malloc. */
struct lg_operator {
	__u64 sp; /* 0: free */
	__u64 size;
	__u32 stack;
	__u32 pad;
};

/*
 * One frame of a thread's last walk, with all that the walk depended on: where nothing of that has changed,
 * the next walk gives the same from there on (stacks.bpf.h).
 */
struct lg_frame_state {
	__u64 pc;
	__u64 sp; /* at the return address pc stands, unless LG_STATE_LOOSE, in the word below */
	__u64 bp;
	__u64 bp_at; /* where bp was read; 0: as in the frame further in */
	__u64 frame; /* 0: the end of the stack, which is no frame */
	__u32 node;  /* of the path from the outermost frame to this one */
	__u32 flags;
};

enum lg_state_flags {
	LG_STATE_LOOSE = 1,    /* pc or sp came from elsewhere in memory */
	LG_STATE_USES_BP = 2,  /* the step out of this frame reads bp */
	LG_STATE_NEEDS_BP = 4, /* this step or one further out does, with this very value */
	LG_STATE_EXACT = 8,    /* pc is no return address */
};

enum { LG_WINDOW_BYTES = 2048 };

/* Per-thread state. Walks are kept here: too large for the BPF stack, and per-CPU memory is not safe in
 * programs that can be preempted. */
struct lg_thread {
	__u32 proc;	  /* index + 1; 0: not known yet */
	__u32 proc_epoch; /* detects exec in this thread */
	__u32 examined;
	__u32 disabled; /* times its allocations were told to be ignored */
	__u32 depth;
	__u32 birth; /* the test, or scope in it, that started the thread; 0: none, or own_scope is open */
	__u32 own_scope;   /* the outermost one that the thread itself has opened, where it has a birth */
	__u32 later_birth; /* as of when that is closed */
	struct lg_pending pending[LG_MAX_PENDING];
	__u32 operators_noted; /* since the thread's state was made */
	__u32 next_operator;
	struct lg_operator operators[LG_MAX_OPERATORS];
	__u32 walk_depth;      /* frames of the last walk; 0: none that can be used */
	__u32 walk_generation; /* of the mappings it was made with */
	__u32 walk_function;
	__u32 walk_truncated;
	__u32 walk_stack;			   /* the id it was given */
	__u32 bare_stack[16];			   /* by function: ids of stacks without frames */
	struct lg_frame_state walk[LG_MAX_FRAMES]; /* outermost first */
	__u64 window[LG_WINDOW_BYTES / 8];	   /* stack memory under comparison */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lg_thread);
} threads __weak SEC(".maps");

/* tgid (initial namespace) -> process index */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} tgids __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384); /* --max-processes */
	__type(key, __u32);
	__type(value, struct lg_proc);
} processes __weak SEC(".maps");

/* thread that has not allocated yet (its id in the initial namespace) -> window it was started in */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} births __weak SEC(".maps");

/* 1 once user space has examined the process's modules */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384); /* --max-processes */
	__type(key, __u32);
	__type(value, __u32);
} examined __weak SEC(".maps");

/* the last judged moment that user space has answered */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384); /* --max-processes */
	__type(key, __u32);
	__type(value, __u32);
} answered __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384); /* --max-processes */
	__type(key, __u32);
	__type(value, struct lg_mapping_table);
} mapping_tables __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024); /* --ring-bytes */
} records __weak SEC(".maps");

/*
 * Keeps the compiler from making one call of a look-up here and one in another branch: the verifier replaces
 * array look-ups by a few instructions only where one map alone is meant.
 */
#define keep_call(pointer)                                                                                   \
	({                                                                                                   \
		void *kept = (pointer);                                                                      \
		asm volatile("" : "+r"(kept));                                                               \
		kept;                                                                                        \
	})

static __always_inline void lose(enum lg_loss cause)
{
	__sync_fetch_and_add(&lost[cause], 1);
}

#endif
