// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The malloc family. alloc_enter and alloc_exit serve every function that returns a block; the attach cookie
 * says how its arguments are read. The return half exists on C functions alone: nothing an exception can pass
 * through.
 */
#include "operators.bpf.h"
#include "signals.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * True when the function entered at `sp` was jumped to by another one of the family (reallocarray ends in
 * realloc, memalign in malloc): the return address is then the kernel's return-probe trampoline, which is in
 * no file.
 */
static __always_inline int is_tail_call(struct lg_thread *thread, __u64 sp)
{
	struct lg_pc_entry entry = {};
	struct lg_mapping_table none = {}, *table;
	__u32 proc = thread->proc - 1;
	__u64 pc = 0;

	if (read_word(&pc, sp))
		return 0;
	table = bpf_map_lookup_elem(&mapping_tables, &proc);
	if (table)
		none = *table;
	look_up(&entry, &none, pc, 0);
	return (entry.frame >> LG_FRAME_MODULE_SHIFT) == LG_FRAME_NO_MODULE;
}

/*
 * The pending slot for a call that starts at `sp`, or NULL when it is a call inside another one of the
 * family, which counts once, for the outer call. A slot whose stack pointer is below `sp` belongs to a call
 * that never returned (longjmp). A call on another stack (a signal handler's, a coroutine's) gets a slot of
 * its own.
 */
static __always_inline struct lg_pending *open_call(struct lg_thread *thread, __u64 sp, __u64 bp)
{
	__u32 depth = thread->depth;
	int i;

	for (i = 0; i < LG_MAX_PENDING; i++) {
		struct lg_pending *top;

		if (!depth || depth > LG_MAX_PENDING)
			break;
		top = &thread->pending[(depth - 1) & (LG_MAX_PENDING - 1)];
		if (sp == top->sp && is_tail_call(thread, sp))
			return NULL;
		if (sp < top->sp && top->sp - sp < LG_SIGNAL_FRAME_MIN)
			return NULL;
		if (sp < top->sp && top->sp - sp < (256 << 10) && !in_signal_handler(sp, bp, thread, top->sp))
			return NULL;
		if (sp < top->sp || sp - top->sp > (8 << 20))
			break; /* another stack, or a signal handler on this one */
		depth--;
	}
	if (depth >= LG_MAX_PENDING) {
		lose(LG_LOST_nested_too_deep);
		return NULL;
	}
	thread->depth = depth + 1;
	return &thread->pending[depth & (LG_MAX_PENDING - 1)];
}

/* What count times size asks for: more than there can be where they overflow, which no allocator gives. 0,
 * which such a product may be by its last 64 bits, would free an old block. */
static __always_inline __u64 product(__u64 count, __u64 size)
{
	__u64 most = count ? ~0ULL / count : ~0ULL;

	/* kept from clang, which would multiply 128 bits to find out, and cannot for this machine */
	asm volatile("" : "+r"(most));
	return size > most ? ~0ULL : count * size;
}

/*
 * What a realloc is given, out of the ledger before the allocator can hand its address to another thread. A
 * child may be looked at while the call lasts; where it fails the child has the block all the same.
 */
static __always_inline int take_old(struct lg_live_key *key, struct lg_live *old)
{
	struct lg_proc *proc = process_of(key->proc);

	if (proc && proc->left_before && ledger_find(key, old, 0))
		leave_to_heir(proc, key->addr, old);
	return ledger_take(key, old);
}

SEC("uprobe.multi")
int alloc_enter(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), count_arg = cookie >> 12 & 0xf,
	      old_arg = cookie >> 16 & 0xf;
	__u32 function = cookie & 0xff;
	struct lg_thread *thread = current_thread();
	struct lg_pending *call;
	struct lg_live_key key = {};
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
	call = open_call(thread, PT_REGS_SP(ctx), PT_REGS_FP(ctx));
	if (!call)
		return 0;
	if (thread->operators_noted)
		drop_left_operators(thread, PT_REGS_SP(ctx));
	call->sp = PT_REGS_SP(ctx);
	call->function = function;
	call->size = argument(ctx, cookie >> 8 & 0xf);
	if (count_arg != LG_NO_ARG)
		call->size = product(argument(ctx, count_arg), call->size);
	call->out_addr = argument(ctx, cookie >> 20 & 0xf);
	call->old_addr = 0;
	if (old_arg != LG_NO_ARG) {
		key.addr = argument(ctx, old_arg);
		key.proc = proc;
		if (key.addr && take_old(&key, &call->old))
			call->old_addr = key.addr;
	}
	call->stack = take_stack(PT_REGS_SP(ctx), PT_REGS_FP(ctx), thread, function);
	return 0;
}

/* The call that returns with stack pointer `sp`, closed; NULL for one that was not opened. */
static __always_inline struct lg_pending *close_call(struct lg_thread *thread, __u64 sp)
{
	__u32 depth = thread->depth;
	int i;

	for (i = 0; i < LG_MAX_PENDING; i++) {
		struct lg_pending *top;

		if (!depth || depth > LG_MAX_PENDING)
			return NULL;
		top = &thread->pending[(depth - 1) & (LG_MAX_PENDING - 1)];
		depth--;
		if (top->sp == sp) {
			thread->depth = depth;
			return top;
		}
	}
	return NULL;
}

static __always_inline void finish_realloc(struct lg_proc *proc, struct lg_pending *call, __u32 index,
					   __u64 result)
{
	struct lg_live_key key = {.addr = call->old_addr, .proc = index};

	if (!call->old_addr)
		return;
	if (!result && call->size) {
		ledger_put(&key, &call->old); /* failed: the old block lives on */
		return;
	}
	if (proc->left_before) /* there may be another child since */
		leave_to_heir(proc, key.addr, &call->old);
	count_free(proc, &call->old);
}

SEC("uretprobe.multi")
int alloc_exit(struct pt_regs *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct lg_thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
	struct lg_live_key key = {};
	struct lg_live block;
	struct lg_pending *call;
	struct lg_proc *proc;

	keep_own_stack();
	if (!thread || !thread->proc)
		return 0;
	call = close_call(thread, PT_REGS_SP(ctx) - 8);
	if (!call)
		return 0;
	key.proc = thread->proc - 1;
	proc = process_of(key.proc);
	if (!proc)
		return 0;
	key.addr = PT_REGS_RC(ctx);
	if (call->out_addr) {
		if (PT_REGS_RC(ctx) & 0xffffffff)
			return 0;
		if (bpf_probe_read_user(&key.addr, sizeof(key.addr), (void *)call->out_addr)) {
			lose(LG_LOST_result_unreadable);
			return 0;
		}
	}
	finish_realloc(proc, call, key.proc, key.addr);
	if (!key.addr)
		return 0;
	block.size = call->size;
	block.stack = call->stack;
	block.test = charged_window(thread, proc);
	block.tid = (__u32)bpf_get_current_pid_tgid() | (thread->disabled ? LG_LIVE_IGNORED : 0);
	block.time_ms = now_ms();
	if (ledger_put(&key, &block))
		count_allocation(proc, &block);
	return 0;
}

/*
 * Keeps where the first block of a stack was freed: one walk for each stack that ever frees, none after it,
 * whatever comes of it. Not where the number of stacks is limited, nor where the tables are so full that
 * others may soon wait for more room: a hint must not cost what is asked for.
 */
static __always_inline void note_first_free(struct pt_regs *ctx, struct lg_thread *thread, __u32 id)
{
	struct lg_stack *stack = stack_slot(id);
	__u32 freed_by;

	if (!stack || cfg_unwind == LG_UNWIND_NONE || cfg_max_stacks || !has_ample_room() ||
	    __sync_val_compare_and_swap(&stack->freed_by, 0, LG_FREED_UNKNOWN))
		return;
	freed_by = take_stack(PT_REGS_SP(ctx), PT_REGS_FP(ctx), thread, LG_FN_free);
	stack = stack_slot(id);
	if (stack && freed_by)
		stack->freed_by = freed_by;
}

SEC("uprobe.multi")
int free_enter(struct pt_regs *ctx)
{
	struct lg_thread *thread;
	struct lg_live_key key = {.addr = PT_REGS_PARM1(ctx)};
	struct lg_live block;
	struct lg_proc *proc;

	keep_own_stack();
	if (!key.addr)
		return 0;
	thread = current_thread();
	if (!thread)
		return 0;
	key.proc = thread->proc - 1;
	proc = process_of(key.proc);
	if (!proc)
		return 0;
	if (!ledger_take(&key, &block)) {
		__sync_fetch_and_add(&totals.unknown_frees, 1);
		if (proc->flags & LG_PROC_HEIR)
			note_gone(proc, key.addr);
		return 0;
	}
	if (proc->left_before)
		leave_to_heir(proc, key.addr, &block);
	if (count_free(proc, &block))
		note_first_free(ctx, thread, block.stack);
	return 0;
}
