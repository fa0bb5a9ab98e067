/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Steps from one frame of the user stack to the next by .eh_frame rows. The rows come from user space
 * (harness/capture/unwind), the semantics of a row are in wire.h.
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

/* Unwinding rows and page indices of all modules, in chunks: the first is there from the start, user space
 * adds others to need, which costs it a grace period each. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* filled through a mapping */
	__uint(max_entries, LG_ROWS_FIRST);
	__type(key, __u32);
	__type(value, struct lg_row);
} rows_first SEC(".maps");

struct lg_rows_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct lg_row));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LG_ROW_CHUNKS);
	__type(key, __u32);
	__array(values, struct lg_rows_map);
} row_chunks SEC(".maps");

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
	__u64 bp_at; /* where bp was read; 0: as in the frame before */
	struct lg_mapping_table table;
	__u16 truncated;
	__u8 exact;   /* pc is not a return address */
	__u8 loose;   /* pc or sp were read elsewhere than just below sp */
	__u8 uses_bp; /* the last step read bp */
	__u8 unkept;  /* the end was decided by more than the kept frames tell */
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

static __always_inline struct lg_row *row_at(void *chunk, __u32 index)
{
	if (!chunk)
		return keep_call(bpf_map_lookup_elem(&rows_first, &index));
	return bpf_map_lookup_elem(chunk, &index);
}

/* Global functions are verified once, whoever calls them: that keeps the load time low. */
__weak __noinline __u32 find_rule(__u32 module, __u64 address)
{
	struct lg_module_info *info = bpf_map_lookup_elem(&modules, &module);
	__u32 low, high, middle, turn, chunk_number;
	struct lg_row *row, *range;
	void *chunk = NULL;
	__u64 pc;

	if (!info || !info->rows)
		return LG_RULE_NONE;
	pc = address - info->base;
	if (pc < info->origin || pc >= info->limit)
		return LG_RULE_NONE;
	chunk_number = info->chunk;
	if (chunk_number) {
		chunk = bpf_map_lookup_elem(&row_chunks, &chunk_number);
		if (!chunk)
			return LG_RULE_NONE;
	}
	range = row_at(chunk, info->first_page + ((pc - info->origin) >> (info->page_shift & 31)));
	if (!range)
		return LG_RULE_NONE;
	low = info->first_row + ((struct lg_row_range *)range)->low;
	high = info->first_row + ((struct lg_row_range *)range)->high + 1;
	for (turn = 0; turn < 10; turn++) { /* a page of 128 bytes has at most 128 rows */
		if (high <= low + 1)
			break;
		middle = low + (high - low) / 2;
		row = row_at(chunk, middle);
		if (row && row->pc <= pc)
			low = middle;
		else
			high = middle;
	}
	row = row_at(chunk, low);
	return row && row->pc <= pc ? row->rule : LG_RULE_NONE;
}

/* Fills `entry` for pc: which module and address it is, and how to step out of its frame. */
__weak __noinline int look_up(struct lg_pc_entry *entry, struct lg_mapping_table *table, __u64 pc,
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

__weak __noinline int cached_look_up(struct lg_pc_entry *entry, struct walk *w)
{
	struct lg_pc_entry *cached;
	__u32 exact, slot;
	__u64 tagged;

	if (!entry || !w)
		return 0;
	exact = w->exact;
	tagged = w->pc | (__u64)exact << 63;
	slot = (w->pc * 0x9e3779b97f4a7c15ULL >> 40 ^ w->table.generation) & (LG_PC_ENTRIES - 1);
	cached = bpf_map_lookup_elem(&pc_cache, &slot);

	if (cached) {
		*entry = *cached;
		if (entry->pc == tagged && entry->generation == w->table.generation &&
		    entry->check == entry_check(entry))
			return 0;
	}
	look_up(entry, &w->table, w->pc, exact);
	entry->pc = tagged;
	entry->generation = w->table.generation;
	entry->check = entry_check(entry);
	if (cached)
		*cached = *entry;
	return 0;
}

static __always_inline int read_word(__u64 *word, __u64 address)
{
	return bpf_probe_read_user(word, sizeof(*word), (void *)address);
}

/* Global: the verifier cannot know the cause here otherwise. */
__weak __noinline int count_truncated(__u32 why)
{
	barrier_var(why); /* the bound is checked on the very register that is the index */
	if (why < LG_TRUNCATED_COUNT)
		__sync_fetch_and_add(&truncated[why], 1);
	return 0;
}

static __always_inline long stop(struct walk *w, enum lg_truncated why)
{
	if (why != LG_TRUNCATED_NOT)
		count_truncated(why);
	w->truncated = why;
	return 1;
}

/* x86-64: rt_sigreturn's frame; offsets of the saved rsp, rbp, rip in the ucontext that rsp points at. */
#define LG_UCONTEXT_RBP 120
#define LG_UCONTEXT_RSP 160
#define LG_UCONTEXT_RIP 168

__weak __noinline int step_signal(struct walk *w)
{
	__u64 uc;

	if (!w)
		return 1;
	uc = w->sp;
	w->loose = 1;
	w->bp_at = uc + LG_UCONTEXT_RBP;
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
__weak __noinline int step_frame_pointer(struct walk *w, __u32 why)
{
	__u64 pair[2];

	if (!w)
		return 1;
	w->uses_bp = 1;
	w->loose = 0;
	w->bp_at = w->bp;
	if (w->bp < w->sp || w->bp & 7 || w->bp - w->sp > (8 << 20))
		return stop(w, why);
	if (bpf_probe_read_user(pair, sizeof(pair), (void *)w->bp)) {
		w->unkept = 1;
		return stop(w, why);
	}
	if (pair[1] && !in_a_module(w, pair[1]))
		return stop(w, why); /* no return address: bp was in other use */
	w->sp = w->bp + 16;
	w->bp = pair[0];
	w->pc = pair[1];
	w->exact = 0;
	return 0;
}

/* Global: verified once. False when the stack ends here, with the reason in `w`. */
__weak __noinline int step_rule(struct walk *w, __u32 rule)
{
	__u64 off = (__s64)LG_RULE_OFF(rule), cfa, at;
	__u64 saved[2];
	__u32 kind;

	if (!w)
		return 1;
	w->uses_bp = 0;
	w->loose = 0;
	w->bp_at = 0;
	switch (LG_RULE_KIND(rule)) {
	case LG_RULE_RSP:
		cfa = w->sp + off;
		break;
	case LG_RULE_RBP:
		cfa = w->bp + off;
		w->uses_bp = 1;
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
		w->loose = 1;
		at = w->sp;
		if (kind == LG_RULE_RBP_DEREF || kind == LG_RULE_RBP_DEREF_PLUS8) {
			at = w->bp;
			w->uses_bp = 1;
		}
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
		at = cfa;
		if (LG_RULE_RBP_IN_FRAME(rule)) {
			at = w->bp;
			w->uses_bp = 1;
		}
		at += (__s64)LG_RULE_RBP_OFF(rule);
		w->bp_at = at;
		w->loose |= (at & 7) != 0;
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

#endif
