/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Walks the stack of an allocation call and gives it an id. Each thread keeps its last walk with every word
 * of memory and every register that decided it: as soon as a new walk comes to a frame of the old one, with
 * all that lies further out unchanged, the rest is taken over. See docs/decisions/0011.
 */
#ifndef LEAKGATE_STACKS_BPF_H
#define LEAKGATE_STACKS_BPF_H

#include "unwind.bpf.h"

/* A walk under way. New frames go to the end of thread->walk, from there downwards. */
struct collect {
	struct walk walk;
	struct lg_thread *thread;
	__u32 fresh;  /* frames found so far */
	__s32 cursor; /* the frame of the last walk that may come next; -1: none */
	__s32 joined; /* the frame of the last walk that was reached; -1: none */
};

/* Stack memory under comparison, in thread->window. */
struct window {
	__u64 sp; /* of the frame at which the new walk starts */
	__u64 start;
	__u64 end;
};

/* Comparison of a thread's last walk with its stack as it is now, from the outermost frame inwards. */
struct verify {
	struct window window;
	struct lg_thread *thread;
	__s32 last; /* frames further out than this one are unchanged */
};

static __always_inline struct lg_frame_state *frame_state(struct lg_thread *thread, __u32 index)
{
	return &thread->walk[index & (LG_MAX_FRAMES - 1)];
}

/* Reads the part of the stack that ends with the word at `address`. */
__weak __noinline int read_window(struct lg_thread *thread, struct window *w, __u64 address)
{
	__u64 bytes;

	if (!thread || !w)
		return 0;
	bytes = address + 16 - w->sp;
	if (bytes > LG_WINDOW_BYTES)
		bytes = LG_WINDOW_BYTES;
	w->end = address + 8;
	w->start = w->end - bytes;
	if (!bpf_probe_read_user(thread->window, bytes, (void *)w->start))
		return 1;
	w->end = 0;
	return 0;
}

/* True when the word at `address` is still `value`. Memory is read in windows, downwards. */
static __always_inline int is_unchanged(struct lg_thread *thread, struct window *w, __u64 address,
					__u64 value)
{
	if (address & 7 || address < w->sp - 8)
		return 0;
	if ((address < w->start || address >= w->end) && !read_window(thread, w, address))
		return 0;
	return thread->window[(address - w->start) >> 3 & (LG_WINDOW_BYTES / 8 - 1)] == value;
}

static long verify_step(__u32 turn, void *context)
{
	struct verify *v = context;
	struct lg_frame_state *state = frame_state(v->thread, turn);

	if (turn >= v->thread->walk_depth || state->sp < v->window.sp)
		return 1;
	v->last = turn;
	if (state->flags & LG_STATE_LOOSE || !is_unchanged(v->thread, &v->window, state->sp - 8, state->pc))
		return 1;
	return state->flags & LG_STATE_NEEDS_BP && state->bp_at &&
	       !is_unchanged(v->thread, &v->window, state->bp_at, state->bp);
}

/* The innermost frame of the last walk at which a new one may join it; -1: none. */
static __always_inline __s32 usable_frames(struct lg_thread *thread, __u64 sp)
{
	struct verify v = {.thread = thread, .last = -1};

	v.window.sp = sp;
	bpf_loop(LG_MAX_FRAMES, verify_step, &v, 0);
	return v.last;
}

#define LG_JOINED 256

/*
 * Whether the walk has come to a frame of the last one from which the way out is the same: `cursor` (the
 * frame of the last walk that may come next, plus one), moved outwards as far as the walk has come; with
 * LG_JOINED where it has.
 */
__weak __noinline __u32 join(struct lg_thread *thread, struct walk *w, __u32 cursor, __u32 fresh)
{
	struct lg_frame_state *state;

	if (!thread || !w || !cursor)
		return 0;
	state = frame_state(thread, cursor - 1);
	if (state->sp < w->sp && --cursor) {
		state = frame_state(thread, cursor - 1);
		if (state->sp < w->sp && --cursor)
			state = frame_state(thread, cursor - 1);
	}
	if (!cursor || state->sp != w->sp || state->pc != w->pc ||
	    !(state->flags & LG_STATE_EXACT) != !w->exact)
		return cursor;
	if (state->flags & LG_STATE_NEEDS_BP && state->bp != w->bp)
		return cursor;
	/* a walk that was cut off has its outermost frame where it ran out of room */
	if (thread->walk_truncated != LG_TRUNCATED_NOT && (fresh || cursor != thread->walk_depth))
		return cursor;
	return cursor | LG_JOINED;
}

/* The step out of the frame that `entry` describes. */
static __always_inline long step_out(struct walk *w, struct lg_pc_entry *entry)
{
	__u32 kind = LG_RULE_KIND(entry->rule);

	if (cfg_unwind == LG_UNWIND_FRAME_POINTER)
		return step_frame_pointer(w, LG_TRUNCATED_NOT) != 0;
	if (kind == LG_RULE_END)
		return stop(w, LG_TRUNCATED_NOT);
	if (kind == LG_RULE_SIGNAL)
		return step_signal(w) != 0;
	if (kind == LG_RULE_NONE)
		return step_frame_pointer(w, entry->frame >> LG_FRAME_MODULE_SHIFT == LG_FRAME_NO_MODULE
						 ? LG_TRUNCATED_NO_MODULE
						 : LG_TRUNCATED_NO_CFI) != 0;
	return step_rule(w, entry->rule) != 0;
}

/* Keeps the frame at which the walk stands, as number `fresh` from the end. */
__weak __noinline int keep_frame(struct lg_thread *thread, struct walk *w, __u32 fresh)
{
	struct lg_frame_state *state;

	if (!thread || !w)
		return 0;
	state = frame_state(thread, LG_MAX_FRAMES - 1 - fresh);
	state->pc = w->pc;
	state->sp = w->sp;
	state->bp = w->bp;
	state->bp_at = w->bp_at;
	state->flags = (w->loose ? LG_STATE_LOOSE : 0) | (w->exact ? LG_STATE_EXACT : 0);
	state->frame = 0;
	return 0;
}

static long walk_step(__u32 turn, void *context)
{
	struct collect *c = context;
	struct walk *w = &c->walk;
	struct lg_frame_state *state;
	struct lg_pc_entry entry = {};
	__u32 fresh = c->fresh, joined;
	long ended;

	if (c->cursor >= 0) {
		joined = join(c->thread, w, c->cursor + 1, fresh);
		c->cursor = (__s32)(joined & (LG_JOINED - 1)) - 1;
		if (joined & LG_JOINED) {
			c->joined = c->cursor;
			return 1;
		}
	}
	if (fresh >= LG_MAX_FRAMES) {
		w->unkept = !w->pc;
		return stop(w, w->pc ? LG_TRUNCATED_DEPTH : LG_TRUNCATED_NOT);
	}
	/* frames of the last walk that stand here are gone after this */
	if (c->cursor >= (__s32)(LG_MAX_FRAMES - 1 - fresh))
		c->cursor = LG_MAX_FRAMES - 2 - fresh;
	if (w->pc) {
		cached_look_up(&entry, w);
		if (entry.frame >> LG_FRAME_MODULE_SHIFT == LG_FRAME_NO_MODULE && !w->exact) {
			__u64 replaced = replaced_return(w);

			if (replaced && replaced != w->pc) {
				w->pc = replaced;
				w->loose = 1; /* the word on the stack is another one */
				return 0;
			}
		}
	}
	keep_frame(c->thread, w, fresh);
	c->fresh = fresh + 1;
	if (!w->pc)
		return stop(w, LG_TRUNCATED_NOT);
	w->uses_bp = 0;
	ended = step_out(w, &entry);
	state = frame_state(c->thread, LG_MAX_FRAMES - 1 - fresh);
	state->frame = entry.frame;
	if (w->uses_bp)
		state->flags |= LG_STATE_USES_BP;
	return ended;
}

/* Moves the new frames to where they belong, outermost first, and finds their nodes. */
struct place {
	struct lg_thread *thread;
	__u32 fresh;
	__u32 depth; /* frames placed */
	__u32 node;
	__u32 needs_bp; /* the frame placed last needs bp as the next one has it */
};

static long place_step(__u32 turn, void *context)
{
	struct place *p = context;
	struct lg_frame_state *from, *to;
	__u32 flags;

	if (turn >= p->fresh)
		return 1;
	from = &p->thread->walk[(LG_MAX_FRAMES - p->fresh + turn) & (LG_MAX_FRAMES - 1)];
	to = &p->thread->walk[p->depth & (LG_MAX_FRAMES - 1)];
	flags = from->flags;
	if (flags & LG_STATE_USES_BP || p->needs_bp)
		flags |= LG_STATE_NEEDS_BP;
	if (from->frame) {
		p->node = node_of(p->node, from->frame);
		if (!p->node)
			return 1;
	}
	*to = *from;
	to->flags = flags;
	to->node = p->node;
	p->needs_bp = flags & LG_STATE_NEEDS_BP && !to->bp_at;
	p->depth++;
	return 0;
}

/* The node of the innermost frame: the joined part of the last walk with the new frames on top. */
static __always_inline int place_frames(struct collect *c, __u32 *node)
{
	struct place p = {.thread = c->thread, .fresh = c->fresh};
	struct lg_frame_state *state;

	if (c->joined >= 0) {
		state = &c->thread->walk[c->joined & (LG_MAX_FRAMES - 1)];
		state->bp = c->walk.bp; /* where it is not needed it may be another one */
		state->bp_at = c->walk.bp_at;
		state->flags &= ~LG_STATE_LOOSE;
		state->flags |= c->walk.loose ? LG_STATE_LOOSE : 0;
		p.node = state->node;
		p.depth = c->joined + 1;
		p.needs_bp = state->flags & LG_STATE_NEEDS_BP && !state->bp_at;
	}
	if (c->fresh)
		bpf_loop(LG_MAX_FRAMES, place_step, &p, 0);
	c->thread->walk_depth = p.depth;
	*node = p.node;
	return p.node || !c->fresh;
}

static __always_inline void start_walk(struct collect *c, struct lg_thread *thread, __u64 sp, __u64 bp,
				       __u64 pc)
{
	c->thread = thread;
	c->walk.pc = pc;
	c->walk.sp = sp + 8;
	c->walk.bp = bp;
	c->walk.bp_at = 0;
	c->walk.truncated = LG_TRUNCATED_NOT;
	c->walk.exact = 0;
	c->walk.loose = 0;
	c->walk.uses_bp = 0;
	c->walk.unkept = 0;
	c->fresh = 0;
	c->cursor = -1;
	c->joined = -1;
}

/* The id of the stack without frames of a function. */
static __always_inline __u32 bare_stack(struct lg_thread *thread, __u32 function)
{
	__u32 *id = &thread->bare_stack[function & 15];

	if (!*id)
		*id = stack_of(0, function, LG_TRUNCATED_NOT);
	return *id;
}

#define LG_WALK_AGAIN (~0U)

/* Walks on from `sp`, joining the last walk where that is possible; the id, 0 where there is no room,
 * LG_WALK_AGAIN where it has to be done without the last one. */
__weak __noinline __u32 walk_stack(__u64 sp, __u64 bp, struct lg_thread *thread, __u32 function)
{
	struct collect c;
	struct lg_mapping_table *table;
	__u32 proc, node = 0;
	__u64 pc;

	if (!thread || read_word(&pc, sp))
		return 0;
	start_walk(&c, thread, sp, bp, pc);
	proc = thread->proc - 1;
	table = bpf_map_lookup_elem(&mapping_tables, &proc);
	c.walk.table.generation = table ? table->generation : 0;
	c.walk.table.count = table ? table->count : 0;
	if (thread->walk_generation != c.walk.table.generation) {
		thread->walk_generation = c.walk.table.generation;
		thread->walk_depth = 0;
	}
	if (thread->walk_depth)
		c.cursor = usable_frames(thread, sp + 8);
	bpf_loop(LG_MAX_FRAMES + 8, walk_step, &c, 0);
	if (c.joined >= 0 && !c.fresh && c.joined + 1 == thread->walk_depth &&
	    thread->walk_function == function) {
		if (thread->walk_truncated)
			count_truncated(thread->walk_truncated);
		return thread->walk_stack;
	}
	if (c.joined >= 0 && c.joined + 1 + c.fresh > LG_MAX_FRAMES) {
		/* too deep to be kept whole: what is cut off must be what a walk from here would cut off */
		thread->walk_depth = 0;
		return LG_WALK_AGAIN;
	}
	if (c.joined < 0 || c.fresh)
		thread->walk_truncated = c.walk.truncated;
	if (!place_frames(&c, &node)) {
		thread->walk_depth = 0;
		return 0;
	}
	thread->walk_function = function;
	thread->walk_stack = stack_of(node, function, thread->walk_truncated);
	proc = thread->walk_truncated; /* other ends depend on more than is kept */
	if (c.walk.unkept || (proc != LG_TRUNCATED_NOT && proc != LG_TRUNCATED_DEPTH) || !thread->walk_stack)
		thread->walk_depth = 0;
	return thread->walk_stack;
}

/*
 * The id of the stack of the call that was entered with these registers (the return address is at sp). 0: no
 * room, and the loss is counted.
 */
static __always_inline __u32 take_stack(__u64 sp, __u64 bp, struct lg_thread *thread, __u32 function)
{
	__u32 id;

	if (cfg_unwind == LG_UNWIND_NONE)
		return bare_stack(thread, function);
	id = walk_stack(sp, bp, thread, function);
	return id == LG_WALK_AGAIN ? walk_stack(sp, bp, thread, function) : id;
}

#endif
