/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel side and harness/capture agree on: ids, records, tables. Plain C, included by both; nothing else is shared.
 * Sizes and offsets are fixed by the static assertions at the end.
 */
#ifndef LEAKGATE_WIRE_H
#define LEAKGATE_WIRE_H

#ifndef __bpf__
#include <linux/types.h>
#endif

enum {
	LG_MAX_FRAMES = 128,
	LG_NAME_MAX = 256,   /* bytes of a test or suite name, terminator included */
	LG_PATH_MAX = 256,   /* bytes of a test's source file path, terminator included */
};

/* ---- unwinding rows: sorted by pc, one row holds from its pc to the next row's pc ---- */

/* How a frame's CFA (canonical frame address) is found. The return address is always at CFA-8, except where said. */
enum lg_rule_kind {
	LG_RULE_NONE = 0,        /* no CFI covers this pc: the caller may try the frame pointer for this frame alone */
	LG_RULE_END = 1,         /* outermost frame: return address undefined */
	LG_RULE_RSP = 2,         /* CFA = rsp + off */
	LG_RULE_RBP = 3,         /* CFA = rbp + off */
	LG_RULE_PLT = 4,         /* CFA = rsp + 8 + ((pc & 15) >= 11 ? 8 : 0), the lazy PLT form; off is the base offset (8) */
	LG_RULE_RSP_DEREF = 5,   /* CFA = *(rsp + off) */
	LG_RULE_RBP_DEREF = 6,   /* CFA = *(rbp + off): stack realignment (DRAP) */
	LG_RULE_SIGNAL = 7,      /* rsp points at a ucontext: all registers are taken from it */
	LG_RULE_UNSUPPORTED = 8, /* an expression or register the walker does not know: the stack ends here, marked truncated */
};

/*
 * rule: bits 0..3 kind; bits 4..19 off/8, signed 16 bit; bit 20: saved rbp is at rbp-relative address (DRAP), else
 * CFA-relative; bits 21..31 saved-rbp offset/8, signed 11 bit. Bits 20..31 all zero: rbp is unchanged in this frame.
 * "rbp at [rbp+0]" is encoded with bit 20 set and offset 0.
 */
struct lg_row {
	__u32 pc;   /* address in the module's own (unrelocated) address space */
	__u32 rule;
};

#define LG_RULE_KIND(rule) ((rule) & 0xf)
#define LG_RULE_OFF(rule) ((int)((__s32)((rule) << 12) >> 16) * 8)
#define LG_RULE_RBP_IN_FRAME(rule) (((rule) >> 20) & 1)
#define LG_RULE_RBP_OFF(rule) ((int)((__s32)(rule) >> 21) * 8)
#define LG_RULE_MAKE(kind, off, rbp_in_frame, rbp_off)                                                      \
	((__u32)(kind) | (((__u32)((off) / 8) & 0xffffu) << 4) | ((__u32)((rbp_in_frame) ? 1 : 0) << 20) |    \
	 (((__u32)((rbp_off) / 8) & 0x7ffu) << 21))

/* ---- marks: how test windows are seen from outside ---- */

enum lg_mark_role {
	LG_MARK_TEST_START = 1,
	LG_MARK_TEST_END = 2,
	LG_MARK_TEST_PART = 3,  /* an assertion result: `outcome_arg` holds its type, see failed_value / skipped_value */
	LG_MARK_DEATH_FORK = 4, /* the next fork of this thread makes a death test's child */
};

enum lg_text_kind {
	LG_TEXT_NONE = 0,
	LG_TEXT_STD_STRING = 1,  /* libstdc++ std::string: pointer at +0, length at +8 */
	LG_TEXT_LIBCXX_STRING = 2,
	LG_TEXT_C_STRING = 3,    /* const char* stored at the offset */
	LG_TEXT_STRING_REF = 4,  /* pointer at +0, length at +8, not terminated (Catch2 StringRef, string_view with that order) */
	LG_TEXT_INLINE = 5,      /* characters stored at the offset itself, NUL terminated */
};

/* A text field of the object a mark's argument points at. */
struct lg_text_field {
	__u16 off;
	__u8 kind; /* enum lg_text_kind */
	__u8 pad;
};

/*
 * One kind of mark. `arg` is the number of the integer argument register (0 = first, so `this` of a member function) that
 * points at the object; `deref` follows that many pointers (each at offset 0) before the fields are read.
 */
struct lg_mark {
	__u8 role;      /* enum lg_mark_role */
	__u8 framework; /* model::Framework */
	__u8 arg;
	__u8 deref;
	struct lg_text_field suite;
	struct lg_text_field name;
	struct lg_text_field file;
	__u16 line_off;    /* line number: unsigned 32 bit at this offset; 0xffff: none */
	__u8 outcome_arg;  /* TEST_PART: register holding the result type. TEST_END: register pointing at totals; 0xff: none */
	__u8 failed_mask;  /* TEST_PART: bit n set: type n is a failure */
	__u8 skipped_mask; /* TEST_PART: bit n set: type n is a skip */
	__u8 pad;
	__u16 failed_off;  /* TEST_END: u64 count of failures at this offset of the totals; 0xffff: none */
	__u16 skipped_off; /* TEST_END: u64 count of skips; 0xffff: none */
};

#endif /* LEAKGATE_WIRE_H */
