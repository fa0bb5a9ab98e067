/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel side and harness/capture agree on: ids, records, tables. Plain C, included by both; nothing
 * else is shared. Sizes and offsets are fixed by the static assertions at the end.
 */
#ifndef LEAKGATE_WIRE_H
#define LEAKGATE_WIRE_H

#ifndef __bpf__
#include <linux/types.h>
#endif

enum {
	LG_MAX_FRAMES = 128,
	LG_NAME_MAX = 256, /* bytes of a test or suite name, terminator included */
	LG_PATH_MAX = 256, /* bytes of a test's source file path, terminator included */
};

/* ---- unwinding rows: sorted by pc, one row holds from its pc to the next row's pc ---- */

/* How a frame's CFA (canonical frame address) is found. The return address is always at CFA-8, except where
 * said. */
enum lg_rule_kind {
	LG_RULE_NONE =
	    0, /* no CFI covers this pc: the caller may try the frame pointer for this frame alone */
	LG_RULE_END = 1, /* outermost frame: return address undefined */
	LG_RULE_RSP = 2, /* CFA = rsp + off */
	LG_RULE_RBP = 3, /* CFA = rbp + off */
	LG_RULE_PLT =
	    4, /* CFA = rsp + 8 + ((pc & 15) >= 11 ? 8 : 0), the lazy PLT form; off is the base offset (8) */
	LG_RULE_RSP_DEREF = 5, /* CFA = *(rsp + off) */
	LG_RULE_RBP_DEREF = 6, /* CFA = *(rbp + off): stack realignment (DRAP) */
	LG_RULE_SIGNAL = 7,    /* rsp points at a ucontext: all registers are taken from it */
	LG_RULE_UNSUPPORTED =
	    8, /* an expression or register the walker does not know: the stack ends here, marked truncated */
	/* CFA = *(rsp + off) + 8, *(rbp + off) + 8: hand-written code that keeps the caller's rsp in its
	   frame */
	LG_RULE_RSP_DEREF_PLUS8 = 9,
	LG_RULE_RBP_DEREF_PLUS8 = 10,
	LG_RULE_RSP_FAR = 11, /* CFA = rsp + off, for frames of 256 KiB and more; other fields, see below */
	LG_RULE_LAST = 11,
};

/*
 * rule: bits 0..3 kind; bits 4..19 off/8, signed 16 bit; bit 20: saved rbp is at rbp-relative address (DRAP),
 * else CFA-relative; bits 21..31 saved-rbp offset/8, signed 11 bit. Bits 20..31 all zero: rbp is unchanged in
 * this frame. "rbp at [rbp+0]" is encoded with bit 20 set and offset 0.
 */
struct lg_row {
	__u32 pc; /* address in the module's own (unrelocated) address space */
	__u32 rule;
};

#define LG_RULE_KIND(rule) ((rule)&0xf)
#define LG_RULE_OFF(rule) ((int)((__s32)((rule) << 12) >> 16) * 8)
#define LG_RULE_RBP_IN_FRAME(rule) (((rule) >> 20) & 1)
#define LG_RULE_RBP_OFF(rule) ((int)((__s32)(rule) >> 21) * 8)

/*
 * LG_RULE_RSP_FAR: bits 4..25 off/8, not signed; bits 26..31: n, where rbp is saved at CFA - 8 - 8n, 0:
 * unchanged. A large local array is what makes such a frame.
 */
#define LG_RULE_FAR_OFF(rule) ((int)((rule) >> 4 & 0x3fffffu) * 8)
#define LG_RULE_FAR_RBP_OFF(rule) ((rule) >> 26 ? -8 - (int)((rule) >> 26) * 8 : 0)
#define LG_RULE_MAKE_FAR(off, rbp_off)                                                                       \
	((__u32)LG_RULE_RSP_FAR | ((__u32)((off) / 8) & 0x3fffffu) << 4 |                                    \
	 (__u32)((rbp_off) ? (-(rbp_off)-8) / 8 : 0) << 26)

#define LG_RULE_MAKE(kind, off, rbp_in_frame, rbp_off)                                                       \
	((__u32)(kind) | (((__u32)((off) / 8) & 0xffffu) << 4) | ((__u32)((rbp_in_frame) ? 1 : 0) << 20) |   \
	 (((__u32)((rbp_off) / 8) & 0x7ffu) << 21))

/* ---- marks: how test windows are seen from outside ---- */

enum lg_mark_role {
	LG_MARK_TEST_START = 1,
	LG_MARK_TEST_END = 2,
	LG_MARK_TEST_PART =
	    3, /* an assertion result: `outcome_arg` holds its type, see failed_value / skipped_value */
	LG_MARK_DEATH_FORK = 4,	 /* the next fork of this thread makes a death test's child */
	LG_MARK_SUITE_START = 5, /* a suite is entered: not a window */
	LG_MARK_SUITE_END = 6,
	LG_MARK_TEST_CRASH =
	    7, /* the framework reports a fatal signal: what it calls an end afterwards is none */
	LG_MARK_TESTS_DUE = 8, /* the framework is about to run one test at least */
	LG_MARK_THROW = 9,     /* an exception is thrown */
	LG_MARK_TEST_BODY =
	    10, /* the framework calls a function of the test's: `arg` points at what holds it */
};

enum lg_text_kind {
	LG_TEXT_NONE = 0,
	LG_TEXT_STD_STRING = 1, /* libstdc++ std::string: pointer at +0, length at +8 */
	LG_TEXT_LIBCXX_STRING = 2,
	LG_TEXT_C_STRING = 3,	/* const char* stored at the offset */
	LG_TEXT_STRING_REF = 4, /* pointer at +0, length at +8, not terminated (Catch2 StringRef, string_view
				   with that order) */
	LG_TEXT_INLINE = 5,	/* characters stored at the offset itself, NUL terminated */
	LG_TEXT_DOCTEST_STRING =
	    6, /* doctest::String: top bit of byte 23 clear: inline, set: pointer at +0 */
};

/* How a mark tells the outcome. */
enum lg_outcome_form {
	LG_OUTCOME_PLAIN = 0, /* TEST_PART: the register is the type; TEST_END: u64 counts in the totals */
	LG_OUTCOME_IN_MEMORY = 1,   /* TEST_PART: the register points at the type, a u32 */
	LG_OUTCOME_PASSED_FLAG = 2, /* TEST_END: the byte at failed_off is 1 when the test passed */
	LG_OUTCOME_ALWAYS = 3,	    /* TEST_PART: being called is a failure */
};

/* A text field of the object a mark's argument points at. */
struct lg_text_field {
	__u16 off;
	__u8 kind; /* enum lg_text_kind */
	__u8 pad;
};

/*
 * One kind of mark. `arg` is the number of the integer argument register (0 = first, so `this` of a member
 * function) that points at the object; `deref` follows that many pointers (each at offset 0) before the
 * fields are read.
 */
struct lg_mark {
	__u8 role;	/* enum lg_mark_role */
	__u8 framework; /* model::Framework */
	__u8 arg;
	__u8 deref;
	struct lg_text_field suite;
	struct lg_text_field name;
	struct lg_text_field file;
	__u16 line_off;	   /* line number: unsigned 32 bit at this offset; 0xffff: none */
	__u8 outcome_arg;  /* TEST_PART: register holding the result type. TEST_END: register pointing at
			      totals; 0xff: none */
	__u8 failed_mask;  /* TEST_PART: bit n set: type n is a failure */
	__u8 skipped_mask; /* TEST_PART: bit n set: type n is a skip */
	__u8 outcome_form; /* enum lg_outcome_form */
	__u16 failed_off;  /* TEST_END: u64 count of failures at this offset of the totals; 0xffff: none */
	__u16 skipped_off; /* TEST_END: u64 count of skips; 0xffff: none */
	__u16 when_off;	   /* the mark holds only where the byte at this offset of the object ... */
	__u8 when_value;   /* ... has this value; 0xffff: always */
	__u8 pad;
};

/* ---- loss: every way in which the kernel side can miss something, one counter each ---- */

#define LG_LOSS_LIST(X)                                                                                      \
	X(live_table_full)    /* no room for a live block */                                                 \
	X(stack_table_full)   /* no room for a stack: the block is kept, its stack is not */                 \
	X(thread_table_full)  /* no per-thread state: an allocation was not seen */                          \
	X(process_table_full) /* a process could not be followed */                                          \
	X(ring_full)	      /* a control record (process, test) was dropped */                             \
	X(nested_too_deep)    /* more allocation calls on different stacks at once than are tracked */       \
	X(result_unreadable)  /* posix_memalign's result could not be read */                                \
	X(examined_late)      /* a process ran on before its modules were examined */                        \
	X(scopes_too_deep)    /* more scopes and sections were open at once than are told apart */

enum lg_loss {
#define X(cause) LG_LOST_##cause,
	LG_LOSS_LIST(X)
#undef X
	    LG_LOSS_COUNT
};

/* ---- the ledger ---- */

struct lg_live_key {
	__u64 addr;
	__u32 proc;
	__u32 gone; /* see LG_LIVE_GONE */
};

struct lg_live {
	__u64 size;
	__u32 stack;   /* lg_stack id; 0: none */
	__u32 test;    /* window number within the process; 0: outside tests */
	__u32 tid;     /* and LG_LIVE_IGNORED */
	__u32 time_ms; /* since cfg_start_ns */
};

/* In lg_live.tid: the program says that the block is no leak. */
#define LG_LIVE_IGNORED 0x80000000u

/*
 * Live blocks stand in buckets; a block is in one of the few that its hash names. Address and process make
 * one word, which is claimed by an atomic exchange and written last: whoever finds it finds the block whole.
 */
enum { LG_LIVE_SLOTS = 8 };

struct lg_live_bucket {
	__u64 names[LG_LIVE_SLOTS]; /* 0: free */
	struct lg_live blocks[LG_LIVE_SLOTS];
};

#define LG_LIVE_PROC_SHIFT 48
/*
 * In a name, where no address has a bit: the process in it was forked by the one that has freed the block
 * since, and still has its own copy of it.
 */
#define LG_LIVE_LEFT (1ULL << 47)
#define LG_LIVE_ADDR_MASK (LG_LIVE_LEFT - 1)
/* Beside LG_LIVE_LEFT, where no block begins: the process itself has freed what it inherited there. */
#define LG_LIVE_GONE 1ULL
#define LG_MOST_LEFT (1U << 20) /* at once; what is beyond is counted */
#define LG_LIVE_CLAIMED (~0ULL) /* being written */

/* A frame: module id in bits 48..63, LG_FRAME_EXACT, address in the module's own address space in bits 0..46.
 */
#define LG_FRAME_MODULE_SHIFT 48
#define LG_FRAME_NO_MODULE 0xffffULL /* the address is then the absolute one */
#define LG_FRAME_EXACT (1ULL << 47)  /* not a return address: look it up as it is */
#define LG_FRAME_ADDR_MASK ((1ULL << 47) - 1)

enum lg_truncated {
	LG_TRUNCATED_NOT = 0,
	LG_TRUNCATED_NO_MODULE = 1,   /* code outside every known module, and no frame pointer led on */
	LG_TRUNCATED_NO_CFI = 2,      /* no row for this address, and no frame pointer led on */
	LG_TRUNCATED_UNSUPPORTED = 3, /* a rule the walker does not know */
	LG_TRUNCATED_UNREADABLE = 4,  /* stack memory could not be read */
	LG_TRUNCATED_DEPTH = 5,	      /* more than LG_MAX_FRAMES frames */
	LG_TRUNCATED_COUNT,
};

enum {
	LG_LIVE_TIERS = 14,
	LG_LIVE_FIRST_BUCKETS = 8192, /* each further tier holds twice as many */
	LG_STACKS_PER_TIER = 8192,
	LG_STACK_TIERS = 128,
	/* where there are more, it is not kept where the blocks of further ones were freed: a walk for each
	 * is much, and so many are not compared with those that leak */
	LG_HINT_STACKS = 20000,
	LG_NODE_TIERS = 9,
	LG_NODE_FIRST_BUCKETS = 8192, /* each further tier holds twice as many */
	LG_ROWS_FIRST = 262144,	      /* unwinding rows and pages in the first chunk */
	LG_ROW_CHUNKS = 512,
	LG_LIFETIME_BUCKETS = 16,
	LG_MAX_MODULES = 4096,
	LG_MAX_MARKS = 16384,	/* about 15 for each test binary of a run */
	LG_MAX_MAPPINGS = 4096, /* of one process */
	LG_MAX_PROCESSES = 65535,
};

/*
 * Stacks are paths in a tree, outermost frame first: each node is a frame with the node it was called from,
 * so what stacks have in common is stored once. A path ends in a node of its own (LG_FRAME_LEAF) that tells
 * the allocation function and how the walk ended.
 */
enum { LG_NODE_SLOTS = 8 };

struct lg_stack_node {
	__u64 frame;  /* 0: free */
	__u32 parent; /* id of a node; 0: outermost */
	__u32 stack;  /* leaf: lg_stack id */
};

struct lg_node_bucket {
	struct lg_stack_node nodes[LG_NODE_SLOTS];
};

#define LG_NODE_CLAIMED (~0ULL) /* being written */
#define LG_FRAME_LEAF(function, truncated)                                                                   \
	(0xfffeULL << LG_FRAME_MODULE_SHIFT | (__u64)(function) << 8 | (truncated))

/* One distinct stack: where its path ends, and what happened at it. */
struct lg_stack {
	__u32 node;	 /* of its innermost frame; 0: a stack without frames */
	__u16 truncated; /* enum lg_truncated */
	__u16 function;	 /* enum lg_function */
	__u64 allocations;
	__u64 bytes;
	__u64 frees;
	__u32 freed_by; /* lg_stack id of the first free of a block from here; 0: none; or: */
#define LG_FREED_UNKNOWN (~0U)
	__u32 errors_before; /* number of the last error (lg_totals.errors) before its last allocation */
	__u32 lifetime_log2_ms[LG_LIFETIME_BUCKETS];
};

#define LG_FUNCTION_LIST(X)                                                                                  \
	X(malloc)                                                                                            \
	X(calloc)                                                                                            \
	X(realloc)                                                                                           \
	X(reallocarray)                                                                                      \
	X(aligned_alloc) X(posix_memalign) X(memalign) X(valloc) X(pvalloc) X(operator_new) X(free)

enum lg_function {
	LG_FN_none,
#define X(name) LG_FN_##name,
	LG_FUNCTION_LIST(X)
#undef X
};

/* Attach cookie of an allocation function: enum lg_function in bits 0..7, how to read the arguments above. */
#define LG_COOKIE(fn, size_arg, count_arg, old_arg, out_arg)                                                 \
	((__u64)(fn) | (__u64)(size_arg) << 8 | (__u64)(count_arg) << 12 | (__u64)(old_arg) << 16 |          \
	 (__u64)(out_arg) << 20)
#define LG_NO_ARG 0xf

/* Where a module is mapped in one process; sorted by start, key {generation, slot}. */
struct lg_mapping_key {
	__u32 generation;
	__u32 slot;
};

struct lg_mapping {
	__u64 start;
	__u64 end;
	__u64 bias; /* run-time address minus module address */
	__u32 module;
	__u32 pad;
};

/* The current mapping table of a process. */
struct lg_mapping_table {
	__u32 generation; /* 0: none yet */
	__u32 count;
};

struct lg_module_info {
	__u64 base;   /* subtracted from a module address to make a row's pc */
	__u32 origin; /* row pc at which page 0 starts */
	__u32 limit;  /* row pcs in [origin, limit) are covered */
	__u32 rows;
	__u32 page_shift;
	__u32 chunk;	  /* of the row table; 0: the first, which is a map of its own */
	__u32 first_row;  /* index of its rows in the chunk */
	__u32 first_page; /* and of its pages: low is the first row, high the last (struct lg_row_range) */
};

/* The rows that hold in a page: indices among the module's own rows, both included. */
struct lg_row_range {
	__u32 low;
	__u32 high;
};

enum lg_process_flags {
	LG_PROC_DEATH_TEST = 1,
	LG_PROC_HOLD_ASKED = 2, /* user space was asked to examine it */
	LG_PROC_LATE = 4,	/* ran on unexamined */
	LG_PROC_EXECED = 8,	/* its image came from exec, not from fork alone */
	LG_PROC_ENDING = 16,	/* was held at its end: nothing is judged after it */
	LG_PROC_LET_GO = 32,	/* went on to give up its memory before leakgate had answered */
	LG_PROC_HEIR = 64,	/* it was forked: what its parent frees is left to it */
	LG_PROC_LINKING = 128,	/* its dynamic linker's hook was met */
};

/* One process image: exec makes a new one. Written by the kernel side alone. */
struct lg_proc {
	__u32 tgid;
	__u32 pid; /* as seen in leakgate's pid namespace */
	__u32 parent;
	__u32 flags;
	__u32 test;	   /* what blocks are charged to now: the innermost scope or window; 0: outside */
	__u32 test_root;   /* the open test's window; 0: none */
	__u32 ended_test;  /* the last one that was closed */
	__u32 ended_dirty; /* it left blocks behind */
	__u32 scopes;	   /* open ones */
	__u32 index;
	__u32 last_test; /* windows opened so far */
	__u32 death_tid; /* thread whose next fork makes a death test's child */
	__u32 test_failed;
	__u32 test_skipped;
	__u32 test_last_throw;	 /* number of the last error in the open window that was an exception */
	__u32 test_last_failure; /* likewise, a failed assertion */
	__u32 framework;
	__u32 vain_holds;  /* waits for user space that ended without an answer */
	__u32 crashed;	   /* a framework reported a fatal signal */
	__u32 moment;	   /* judged moments so far */
	__u32 tests_due;   /* its framework was about to run one test at least */
	__u32 listens;	   /* an adapter tells of its tests: it asks at their ends */
	__u32 end_moment;  /* the one at the process's end, once it is announced */
	__u64 test_object; /* what the open window's start pointed at: several marks may tell of one start */
	__u64 allocations;
	__u64 frees;
	__u64 bytes;
	__u64 test_allocations;
	__u64 test_bytes;
	__u64 test_live_bytes; /* of the current window's own blocks, or outside */
	__u64 test_peak_bytes;
	__u64 outside_allocations;
	__u64 outside_bytes;
	/* the last call of exit: what stands below it is its own, and left over */
	__u64 exit_sp;		 /* 0: none */
	__u64 exit_registers[6]; /* rbx, rbp, r12 to r15 */
	__u32 exit_tid;
	/*
	 * The framework, model::Framework, in this process in which the mark TEST_BODY was seen to come
	 * before a test's own function; 0: none. From then on what it allocates between a test's start and
	 * that mark is not the test's.
	 */
	__u32 tells_bodies;
	__u32 awaits_body; /* the open window's has not come yet: nothing is charged to it */
	/*
	 * While children live that were forked from it: blocks that are older than the last fork are left to
	 * the last one when they are freed. Those before it have them, too, as far as they are older.
	 */
	__u32 heirs;
	__u32 pad;
	__u64 left_before; /* milliseconds since cfg_start_ns, and one; 0: no heirs; the last one in bits 32..
			    */
};

/* An object of a test holds its function within so many bytes. */
#define LG_TEST_OBJECT_BYTES 1024

struct lg_totals {
	__u64 live_blocks;
	__u64 live_bytes;
	__u64 peak_live_blocks;
	__u64 peak_live_bytes;
	__u64 stacks;
	__u64 stack_nodes;
	__u64 unknown_frees;
	__u64 left_blocks; /* see LG_LIVE_LEFT; not among the live ones */
	__u64 left_out;	   /* that found no room */
	__u32 processes;
	__u32 grow_live_asked; /* number of tiers at which more were asked for */
	__u32 grow_stacks_asked;
	__u32 grow_nodes_asked;
	__u32 threads;	       /* with state of their own, now */
	__u32 vain_room_waits; /* for tiers that did not come in time */
	__u32 errors;	       /* exceptions thrown and assertions failed so far; numbers them, too */
	__u32 pad;
};

/* ---- control records, the only things that go up the ring buffer ---- */

enum lg_record_type {
	LG_REC_FORK = 1,
	LG_REC_EXEC = 2,
	LG_REC_EXIT = 3,
	LG_REC_TEST_START = 4,
	LG_REC_TEST_END = 5,
	LG_REC_EXAMINE = 6,	 /* a process waits until its modules have been examined */
	LG_REC_GROW = 7,	 /* a table is three quarters full */
	LG_REC_MOMENT = 8,	 /* a process is held at a judged moment */
	LG_REC_SCOPE = 9,	 /* a scope, section or suite was opened */
	LG_REC_TEST_FAILED = 10, /* an adapter made the test fail that it had asked about */
	LG_REC_ACCEPTED = 11,	 /* what a scope leaks is meant to be */
	LG_REC_SUITE_START = 12, /* lg_record_test with suite (its kind) and name alone */
	LG_REC_SUITE_END = 13,
};

struct lg_record {
	__u32 type;
	__u32 proc;
	__u64 time_ns; /* CLOCK_MONOTONIC */
};

struct lg_record_fork {
	struct lg_record head;
	__u32 child;
	__u32 flags; /* of the child */
	__u32 test;  /* window of the parent in which it was forked */
	__u32 pid;   /* of the child */
};

enum { LG_ARGS_MAX = 1024 };

struct lg_record_exec {
	struct lg_record head;
	__u32 replaced; /* the process image before */
	__u32 pid;
	__u32 args_bytes;
	__u8 is_static;	   /* no program interpreter */
	__u8 same_process; /* `replaced` is an image of the same process; else it is the one that vforked */
	char exe[LG_PATH_MAX];
	char args[LG_ARGS_MAX]; /* NUL separated */
};

struct lg_record_exit {
	struct lg_record head;
	__u32 status; /* as wait() gives it */
	__u32 pad;
};

struct lg_record_test {
	struct lg_record head;
	__u32 test;
	__u32 framework;
	__u32 line;
	__u32 failed;
	__u32 skipped;
	__u32 tid;
	__u32 last_throw; /* TEST_END: as lg_proc has it */
	__u32 last_failure;
	__u64 allocations;
	__u64 bytes;
	__u64 peak_bytes;
	char suite[LG_NAME_MAX];
	char name[LG_NAME_MAX];
	char file[LG_PATH_MAX];
};

struct lg_record_scope {
	struct lg_record head;
	__u32 window; /* number, among those of windows */
	__u32 parent; /* the window or scope it was opened in; 0: outside tests */
	char name[LG_NAME_MAX];
};

/* TEST_FAILED and ACCEPTED */
struct lg_record_window {
	struct lg_record head;
	__u32 window;
	__u32 pad;
};

/* ---- questions: what an adapter in the process asks; adapters/include/leakgate/leakgate.h has the same ----
 */

enum lg_query_kind {
	LG_ASK_TEST_START = 1,	/* object: names the test while it runs; suite, name, file, line */
	LG_ASK_TEST_END = 2,	/* object; failed, skipped; wants an answer */
	LG_ASK_TEST_FAILED = 3, /* the test asked about last was made to fail */
	LG_ASK_SCOPE_START = 4, /* object: names the scope while it is open; name */
	LG_ASK_SCOPE_END = 5,
	LG_ASK_SCOPE_CHECK = 6, /* wants an answer */
	LG_ASK_IGNORE = 7,	/* object: the block */
	LG_ASK_DISABLE = 8,	/* what this thread allocates is ignored, until as many times enabled */
	LG_ASK_ENABLE = 9,
	LG_ASK_SNAPSHOT = 10, /* wants an answer: all that is outstanding in the process */
	LG_ASK_ACCEPT = 11,   /* what the open scope leaks is meant to be */
};

enum lg_query_flags {
	LG_ASK_OWN_BLOCKS = 1, /* SCOPE_CHECK: not those of windows and scopes opened inside */
};

struct lg_query {
	__u32 version; /* 1 */
	__u32 kind;    /* enum lg_query_kind */
	__u64 object;
	__u64 suite; /* address of a text, or 0 */
	__u64 name;
	__u64 file;
	__u32 line;
	__u32 framework; /* model::Framework */
	__u32 failed;
	__u32 skipped;
	__u32 flags; /* enum lg_query_flags */
	__u32 answer_bytes;
	__u64 answer; /* address of a struct lg_answer, zeroed */
};

enum lg_answer_status {
	LG_ANSWER_NONE = 0,    /* nothing is outstanding, or nobody is there to ask */
	LG_ANSWER_CLEAN = 1,   /* nothing that fails */
	LG_ANSWER_LEAKS = 2,   /* leaks that fail the gate */
	LG_ANSWER_UNKNOWN = 3, /* the process could not be examined */
};

struct lg_answer_figures {
	__u64 bytes;
	__u64 blocks;
};

/* What user space writes into the asking process; the text follows, NUL terminated. */
struct lg_answer {
	__u32 status; /* enum lg_answer_status */
	__u32 leaks;  /* sites that fail */
	struct lg_answer_figures leaked;
	struct lg_answer_figures kinds[5]; /* by model::Kind: all that is outstanding */
};

/* ---- judged moments ---- */

enum lg_moment_kind {
	LG_MOMENT_TEST_END = 1, /* a window with outstanding blocks was closed */
	LG_MOMENT_EXIT = 2,	/* _exit was called: handlers and destructors have run */
	LG_MOMENT_DEATH = 3,	/* a signal, or exit_group called directly: only its memory is left */
	LG_MOMENT_ASKED = 4,	/* an adapter wants to know */
};

/* Registers of a thread in user mode, in this order. */
enum lg_register {
	LG_REG_AX,
	LG_REG_BX,
	LG_REG_CX,
	LG_REG_DX,
	LG_REG_SI,
	LG_REG_DI,
	LG_REG_BP,
	LG_REG_SP,
	LG_REG_8,
	LG_REG_9,
	LG_REG_10,
	LG_REG_11,
	LG_REG_12,
	LG_REG_13,
	LG_REG_14,
	LG_REG_15,
	LG_REG_IP,
	LG_REG_FS_BASE,
	LG_REG_COUNT
};

struct lg_record_moment {
	struct lg_record head;
	__u32 moment; /* number within the process image; user space answers with it */
	__u32 kind;   /* enum lg_moment_kind */
	__u32 window; /* the one that was closed, or is asked about; 0: none */
	__u32 tid;    /* as seen in leakgate's pid namespace */
	/* ASKED */
	__u32 question; /* enum lg_query_kind */
	__u32 flags;	/* enum lg_query_flags */
	__u32 pad;
	__u32 answer_bytes;
	__u64 answer;
};

/* What the thread iterator writes for each thread of the asked-for process. */
struct lg_thread_state {
	__u32 tid;	/* as seen in leakgate's pid namespace */
	__u32 running;	/* not asleep, stopped or dead: its registers may not be those given here */
	__u64 switches; /* context switches so far: unchanged means that it has not run in between */
	__u64 registers[LG_REG_COUNT];
	__u64 signal_stack; /* sigaltstack's; 0: none */
	/*
	 * Memory that the thread has in hand inside of the family's functions: what a realloc under way was
	 * given, which is not in the ledger until it is over, and what a call is about to give. 0: nothing.
	 */
	__u64 moving;
	__u64 moving_bytes;
	__u64 given;
	__u64 given_bytes; /* 0: nothing in it counts */
};

#endif /* LEAKGATE_WIRE_H */
