/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Walks the user stack by .eh_frame rows, from the allocation call's return address outwards, and gives the
 * stack an id. The rows come from user space (harness/capture/unwind), the semantics of a row are in wire.h.
 */
#ifndef LEAKGATE_UNWIND_BPF_H
#define LEAKGATE_UNWIND_BPF_H

#include "ledger.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct lg_mapping_key);
	__type(value, struct lg_mapping);
} mappings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LG_MAX_MODULES);
	__type(key, __u32);
	__type(value, struct lg_module_info);
} modules SEC(".maps");

/* module id -> its rows, its page index */
struct lg_rows_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE); /* filled through a mapping */
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct lg_row));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LG_MAX_MODULES);
	__type(key, __u32);
	__array(values, struct lg_rows_map);
} module_rows SEC(".maps");

struct lg_pages_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE); /* filled through a mapping */
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LG_MAX_MODULES);
	__type(key, __u32);
	__array(values, struct lg_pages_map);
} module_pages SEC(".maps");

/*
 * What was found for one address of one mapping generation. Entries are overwritten without a lock; `check`
 * tells a torn one. On a hit one look-up replaces the search for the mapping and for the row.
 */
struct lg_pc_entry {
	__u64 pc;
	__u64 frame;
	__u32 rule;
	__u32 generation;
	__u64 check;
};

#define LG_PC_ENTRIES 16384

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LG_PC_ENTRIES);
	__type(key, __u32);
	__type(value, struct lg_pc_entry);
} pc_cache SEC(".maps");

struct walk {
	__u64 pc;
	__u64 sp;
	__u64 bp;
	__u64 hash;
	struct lg_thread *thread;
	struct lg_mapping_table table;
	__u32 count;
	__u16 truncated;
	__u8 exact; /* pc is not a return address */
	__u8 done;
};

struct bisect {
	__u64 pc;
	__u32 low; /* the slot wanted is in [low, high) */
	__u32 high;
	__u32 generation;
};

/* Last mapping that starts at or before pc. */
static long mapping_step(__u32 turn, void *context)
{
	struct bisect *b = context;
	struct lg_mapping_key key = {.generation = b->generation};
	struct lg_mapping *mapping;

	if (b->high - b->low <= 1)
		return 1;
	key.slot = b->low + (b->high - b->low) / 2;
	mapping = bpf_map_lookup_elem(&mappings, &key);
	if (mapping && mapping->start <= b->pc)
		b->low = key.slot;
	else
		b->high = key.slot;
	return 0;
}

/* Global functions are verified once, whoever calls them: that keeps the load time low. */
__weak __noinline __u32 find_rule(__u32 module, __u64 address)
{
	struct lg_module_info *info = bpf_map_lookup_elem(&modules, &module);
	__u32 page, *first, *last, low, high, middle, turn;
	void *rows, *pages;
	struct lg_row *row;
	__u64 pc;

	if (!info || !info->rows)
		return LG_RULE_NONE;
	pc = address - info->base;
	if (pc < info->origin || pc >= info->limit)
		return LG_RULE_NONE;
	rows = bpf_map_lookup_elem(&module_rows, &module);
	pages = bpf_map_lookup_elem(&module_pages, &module);
	if (!rows || !pages)
		return LG_RULE_NONE;
	page = (pc - info->origin) >> (info->page_shift & 31);
	first = bpf_map_lookup_elem(pages, &page);
	page++;
	last = bpf_map_lookup_elem(pages, &page);
	if (!first || !last)
		return LG_RULE_NONE;
	low = *first;
	high = *last + 1;
	for (turn = 0; turn < 10; turn++) { /* a page of 128 bytes has at most 128 rows */
		if (high <= low + 1)
			break;
		middle = low + (high - low) / 2;
		row = bpf_map_lookup_elem(rows, &middle);
		if (row && row->pc <= pc)
			low = middle;
		else
			high = middle;
	}
	row = bpf_map_lookup_elem(rows, &low);
	return row && row->pc <= pc ? row->rule : LG_RULE_NONE;
}

/* Fills `entry` for pc: which module and address it is, and how to step out of its frame. */
static __noinline int look_up(struct lg_pc_entry *entry, struct lg_mapping_table *table, __u64 pc,
			      __u32 exact)
{
	__u64 wanted = exact ? pc : pc - 1;
	struct lg_mapping_key key = {};
	struct lg_mapping *mapping = NULL;
	struct bisect b = {.pc = wanted};

	if (!entry || !table)
		return 0;
	b.generation = table->generation;
	b.high = table->count;
	key.generation = table->generation;
	if (table->count) {
		bpf_loop(16, mapping_step, &b, 0);
		key.slot = b.low;
		mapping = bpf_map_lookup_elem(&mappings, &key);
	}
	if (!mapping || wanted < mapping->start || wanted >= mapping->end) {
		entry->frame = LG_FRAME_NO_MODULE << LG_FRAME_MODULE_SHIFT | (pc & LG_FRAME_ADDR_MASK);
		entry->rule = LG_RULE_NONE;
	} else {
		entry->frame = (__u64)mapping->module << LG_FRAME_MODULE_SHIFT |
			       ((pc - mapping->bias) & LG_FRAME_ADDR_MASK);
		entry->rule = find_rule(mapping->module, wanted - mapping->bias);
		/* nothing calls from in front of a function's first byte: this is the bottom of a makecontext
		 * stack */
		if (!exact && !LG_RULE_KIND(entry->rule) &&
		    LG_RULE_KIND(find_rule(mapping->module, pc - mapping->bias)))
			entry->rule = LG_RULE_END;
	}
	/* a signal handler "returns" to the first instruction of its trampoline, which no call stands in
	 * front of */
	if (exact || LG_RULE_KIND(entry->rule) == LG_RULE_SIGNAL)
		entry->frame |= LG_FRAME_EXACT;
	return 0;
}

static __always_inline __u64 entry_check(const struct lg_pc_entry *entry)
{
	return entry->pc ^ entry->frame * 0x9e3779b97f4a7c15ULL ^
	       ((__u64)entry->generation << 32 | entry->rule);
}

static __always_inline void cached_look_up(struct lg_pc_entry *entry, struct walk *w)
{
	__u32 exact = w->exact;
	__u64 tagged = w->pc | (__u64)exact << 63;
	__u32 slot = (w->pc * 0x9e3779b97f4a7c15ULL >> 40 ^ w->table.generation) & (LG_PC_ENTRIES - 1);
	struct lg_pc_entry *cached = bpf_map_lookup_elem(&pc_cache, &slot);

	if (cached) {
		*entry = *cached;
		if (entry->pc == tagged && entry->generation == w->table.generation &&
		    entry->check == entry_check(entry))
			return;
	}
	look_up(entry, &w->table, w->pc, exact);
	entry->pc = tagged;
	entry->generation = w->table.generation;
	entry->check = entry_check(entry);
	if (cached)
		*cached = *entry;
}

static __always_inline int read_word(__u64 *word, __u64 address)
{
	return bpf_probe_read_user(word, sizeof(*word), (void *)address);
}

static __always_inline long stop(struct walk *w, enum lg_truncated why)
{
	if (why != LG_TRUNCATED_NOT)
		__sync_fetch_and_add(&truncated[why], 1);
	w->truncated = why;
	w->done = 1;
	return 1;
}

/* x86-64: rt_sigreturn's frame; offsets of the saved rsp, rbp, rip in the ucontext that rsp points at. */
#define LG_UCONTEXT_RBP 120
#define LG_UCONTEXT_RSP 160
#define LG_UCONTEXT_RIP 168

static __always_inline long step_signal(struct walk *w)
{
	__u64 uc = w->sp;

	if (read_word(&w->bp, uc + LG_UCONTEXT_RBP) || read_word(&w->sp, uc + LG_UCONTEXT_RSP) ||
	    read_word(&w->pc, uc + LG_UCONTEXT_RIP))
		return stop(w, LG_TRUNCATED_UNREADABLE);
	w->exact = 1;
	return 0;
}

static __always_inline int in_a_module(struct walk *w, __u64 pc)
{
	struct lg_pc_entry entry = {};
	struct lg_mapping_table table = w->table;

	look_up(&entry, &table, pc, 0);
	return entry.frame >> LG_FRAME_MODULE_SHIFT != LG_FRAME_NO_MODULE;
}

/* A frame without a rule: trust the frame pointer for this frame alone, if it can be one. */
static __always_inline long step_frame_pointer(struct walk *w, enum lg_truncated why)
{
	__u64 pair[2];

	if (w->bp < w->sp || w->bp & 7 || w->bp - w->sp > (8 << 20) ||
	    bpf_probe_read_user(pair, sizeof(pair), (void *)w->bp))
		return stop(w, why);
	if (why != LG_TRUNCATED_NOT && pair[1] && !in_a_module(w, pair[1]))
		return stop(w, why);
	w->sp = w->bp + 16;
	w->bp = pair[0];
	w->pc = pair[1];
	w->exact = 0;
	return 0;
}

static __always_inline long step_rule(struct walk *w, __u32 rule)
{
	__u64 off = (__s64)LG_RULE_OFF(rule), cfa, at;
	__u64 saved[2];
	__u32 kind;

	switch (LG_RULE_KIND(rule)) {
	case LG_RULE_RSP:
		cfa = w->sp + off;
		break;
	case LG_RULE_RBP:
		cfa = w->bp + off;
		break;
	case LG_RULE_RSP_FAR:
		cfa = w->sp + LG_RULE_FAR_OFF(rule);
		rule = LG_RULE_MAKE(0, 0, 0, LG_RULE_FAR_RBP_OFF(rule));
		break;
	case LG_RULE_PLT:
		cfa = w->sp + off + ((w->pc & 15) >= 11 ? 8 : 0);
		break;
	case LG_RULE_RSP_DEREF:
	case LG_RULE_RSP_DEREF_PLUS8:
	case LG_RULE_RBP_DEREF:
	case LG_RULE_RBP_DEREF_PLUS8:
		kind = LG_RULE_KIND(rule);
		at = kind == LG_RULE_RSP_DEREF || kind == LG_RULE_RSP_DEREF_PLUS8 ? w->sp : w->bp;
		if (read_word(&cfa, at + off))
			return stop(w, LG_TRUNCATED_UNREADABLE);
		if (kind >= LG_RULE_RSP_DEREF_PLUS8)
			cfa += 8;
		break;
	default:
		return stop(w, LG_TRUNCATED_UNSUPPORTED);
	}
	if (cfa <= w->sp || cfa & 7)
		return stop(w, LG_TRUNCATED_UNREADABLE);
	if (rule >> 20) {
		at = (LG_RULE_RBP_IN_FRAME(rule) ? w->bp : cfa) + (__s64)LG_RULE_RBP_OFF(rule);
		if (at == cfa - 16) { /* the usual prologue: both words in one read */
			if (bpf_probe_read_user(saved, sizeof(saved), (void *)at))
				return stop(w, LG_TRUNCATED_UNREADABLE);
			w->bp = saved[0];
			w->pc = saved[1];
			w->sp = cfa;
			w->exact = 0;
			return 0;
		}
		if (read_word(&w->bp, at))
			return stop(w, LG_TRUNCATED_UNREADABLE);
	}
	if (read_word(&w->pc, cfa - 8))
		return stop(w, LG_TRUNCATED_UNREADABLE);
	w->sp = cfa;
	w->exact = 0;
	return 0;
}

/*
 * The return address that a return probe has replaced by the kernel's trampoline, for a frame whose return
 * address stood just below w->sp; 0: none. Met where a signal handler interrupts a probed function.
 */
static __always_inline __u64 replaced_return(struct walk *w)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct return_instance *instance;
	int i;

	if (!bpf_core_field_exists(struct return_instance, orig_ret_vaddr) ||
	    !bpf_core_field_exists(struct task_struct, utask))
		return 0;
	instance = BPF_CORE_READ(task, utask, return_instances);
	for (i = 0; i < LG_MAX_PENDING; i++) {
		if (!instance)
			break;
		if (BPF_CORE_READ(instance, stack) + 8 == w->sp)
			return BPF_CORE_READ(instance, orig_ret_vaddr);
		instance = BPF_CORE_READ(instance, next);
	}
	return 0;
}

static long walk_step(__u32 turn, void *context)
{
	struct walk *w = context;
	struct lg_pc_entry entry;
	__u32 kind, count = w->count;
	__u64 replaced;

	if (!w->pc)
		return stop(w, LG_TRUNCATED_NOT);
	if (count >= LG_MAX_FRAMES)
		return stop(w, LG_TRUNCATED_DEPTH);
	cached_look_up(&entry, w);
	if (entry.frame >> LG_FRAME_MODULE_SHIFT == LG_FRAME_NO_MODULE && !w->exact) {
		replaced = replaced_return(w);
		if (replaced && replaced != w->pc) {
			w->pc = replaced;
			return 0;
		}
	}
	w->thread->frames[count & (LG_MAX_FRAMES - 1)] = entry.frame;
	w->hash = (w->hash ^ entry.frame) * 0x9e3779b97f4a7c15ULL;
	w->hash ^= w->hash >> 29;
	w->count = count + 1;
	if (cfg_unwind == LG_UNWIND_FRAME_POINTER)
		return step_frame_pointer(w, LG_TRUNCATED_NOT);
	kind = LG_RULE_KIND(entry.rule);
	if (kind == LG_RULE_END)
		return stop(w, LG_TRUNCATED_NOT);
	if (kind == LG_RULE_SIGNAL)
		return step_signal(w);
	if (kind == LG_RULE_NONE)
		return step_frame_pointer(w, entry.frame >> LG_FRAME_MODULE_SHIFT == LG_FRAME_NO_MODULE
						 ? LG_TRUNCATED_NO_MODULE
						 : LG_TRUNCATED_NO_CFI);
	return step_rule(w, entry.rule);
}

#endif
