/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking leakgate from inside a test program, in C99 or C++. Everything passes one instruction, which
 * leakgate probes when it runs the program; without leakgate each call is one load and one branch. Nothing
 * here allocates, and nothing waits for a leakgate that is gone. See docs/adapters.md.
 */
#ifndef LEAKGATE_LEAKGATE_H
#define LEAKGATE_LEAKGATE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum leakgate_status {
  LEAKGATE_NONE = 0,    /* nothing is outstanding, or leakgate does not run this program */
  LEAKGATE_CLEAN = 1,   /* blocks are outstanding, none of them fails */
  LEAKGATE_LEAKS = 2,   /* leaks that fail the gate */
  LEAKGATE_UNKNOWN = 3, /* leakgate could not examine the process */
};

enum leakgate_kind {
  LEAKGATE_DEFINITELY_LOST,
  LEAKGATE_INDIRECTLY_LOST,
  LEAKGATE_POSSIBLY_LOST,
  LEAKGATE_STILL_REACHABLE,
  LEAKGATE_UNCLASSIFIED,
  LEAKGATE_KINDS
};

enum { LEAKGATE_TEXT_BYTES = 8192 - 104 };

struct leakgate_figures {
  uint64_t bytes;
  uint64_t blocks;
};

/* What leakgate answers. */
struct leakgate_result {
  uint32_t status;                               /* enum leakgate_status */
  uint32_t leaks;                                /* allocation sites that fail */
  struct leakgate_figures leaked;                /* at those */
  struct leakgate_figures kinds[LEAKGATE_KINDS]; /* all that is outstanding, by enum leakgate_kind */
  char text[LEAKGATE_TEXT_BYTES];                /* the leaks, with their stacks; for people */
};

/* The channel. Layout and numbers are those of bpf/wire.h. */
enum leakgate_query_kind {
  LEAKGATE_ASK_TEST_START = 1,
  LEAKGATE_ASK_TEST_END = 2,
  LEAKGATE_ASK_TEST_FAILED = 3,
  LEAKGATE_ASK_SCOPE_START = 4,
  LEAKGATE_ASK_SCOPE_END = 5,
  LEAKGATE_ASK_SCOPE_CHECK = 6,
  LEAKGATE_ASK_IGNORE = 7,
  LEAKGATE_ASK_DISABLE = 8,
  LEAKGATE_ASK_ENABLE = 9,
  LEAKGATE_ASK_SNAPSHOT = 10,
  LEAKGATE_ASK_ACCEPT = 11,
};

enum leakgate_framework { LEAKGATE_NO_FRAMEWORK, LEAKGATE_GTEST, LEAKGATE_CATCH2 };

enum { LEAKGATE_OWN_BLOCKS = 1 };

struct leakgate_query {
  uint32_t version;
  uint32_t kind;
  uint64_t object;
  uint64_t suite;
  uint64_t name;
  uint64_t file;
  uint32_t line;
  uint32_t framework;
  uint32_t failed;
  uint32_t skipped;
  uint32_t flags;
  uint32_t answer_bytes;
  uint64_t answer;
};

#if defined(__linux__) && defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define LEAKGATE_HAS_CHANNEL 1
#else
#define LEAKGATE_HAS_CHANNEL 0
#endif

/*
 * A question leaves no frame of its own on the stack: its gaps would show what earlier calls left there,
 * which looks like a pointer to what they lost.
 */
#if LEAKGATE_HAS_CHANNEL
#define LEAKGATE_INLINE static inline __attribute__((always_inline))
#else
#define LEAKGATE_INLINE static inline
#endif

#if LEAKGATE_HAS_CHANNEL

#include <sched.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Counts the probes on the instruction below: the kernel adds to it in this process's memory while leakgate
 * runs the program. One in each program or shared library, and in a section that is in the file.
 */
__attribute__((weak, used, visibility("hidden"),
               section(".probes"))) volatile unsigned short leakgate_probes = 0;

/* Where leakgate has a library in this process, the function of it that is asked. */
__attribute__((weak, used, visibility("hidden"),
               section(".probes"))) void (*volatile leakgate_hook)(const struct leakgate_query*) = 0;

/* The process in which a thread is asking, 0 for none. */
__attribute__((weak, visibility("hidden"))) int leakgate_asker = 0;

#if defined(__clang__)
#define LEAKGATE_KEPT __attribute__((noinline, visibility("hidden")))
#else
#define LEAKGATE_KEPT __attribute__((noinline, noclone, visibility("hidden")))
#endif

/*
 * The instruction: a one-byte nop, which the kernel need not single-step, with the question's address in the
 * first argument register. A note in the file says where it stands, also after strip.
 */
#ifdef __cplusplus
inline
#else
void leakgate_pass(const struct leakgate_query* query);
__attribute__((weak))
#endif
    LEAKGATE_KEPT void
    leakgate_pass(const struct leakgate_query* query) {
  __asm__ __volatile__(
      "990:\tnop\n"
      "\t.pushsection .note.leakgate,\"?\",@note\n"
      "\t.balign 4\n"
      "\t.4byte 992f-991f, 994f-993f, 1\n"
      "991:\t.asciz \"leakgate\"\n"
      "992:\t.balign 4\n"
      "993:\t.8byte 990b\n"
      "\t.8byte leakgate_probes\n"
      "\t.8byte leakgate_hook\n"
      "994:\t.balign 4\n"
      "\t.popsection"
      :
      : "D"(query)
      : "memory");
  if (leakgate_hook) leakgate_hook(query);
}

#ifdef __cplusplus
}
#endif

/*
 * One question at a time: a thread that waits in the kernel for its answer cannot be held still for another
 * one's. A turn that does not come (a signal handler that interrupted a question) is not waited for for ever;
 * one that was taken before a fork is void in the child.
 */
LEAKGATE_INLINE void leakgate_take_turn(void) {
  const int self = (int)getpid();
  long tries;

  for (tries = 0; tries < 1000000; ++tries) {
    int other = 0;

    if (__atomic_compare_exchange_n(&leakgate_asker, &other, self, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      return;
    if (other != self &&
        __atomic_compare_exchange_n(&leakgate_asker, &other, self, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      return;
    sched_yield();
  }
}

LEAKGATE_INLINE void leakgate_end_turn(void) {
  __atomic_store_n(&leakgate_asker, 0, __ATOMIC_RELEASE);
}

/* Whether leakgate runs this program. */
LEAKGATE_INLINE int leakgate_is_present(void) {
  return leakgate_probes != 0;
}

#else

LEAKGATE_INLINE int leakgate_is_present(void) {
  return 0;
}

LEAKGATE_INLINE void leakgate_take_turn(void) {}
LEAKGATE_INLINE void leakgate_end_turn(void) {}

LEAKGATE_INLINE void leakgate_pass(const struct leakgate_query* query) {
  (void)query;
}

#endif

LEAKGATE_INLINE uint64_t leakgate_address(const volatile void* pointer) {
  return (uint64_t)(uintptr_t)pointer;
}

/* The address of a text. It is looked at first: where nobody has, its page may not be there for the kernel.
 */
LEAKGATE_INLINE uint64_t leakgate_text(const char* text) {
  if (text != NULL) (void)*(const volatile char*)text;
  return (uint64_t)(uintptr_t)text;
}

LEAKGATE_INLINE struct leakgate_query leakgate_query_of(enum leakgate_query_kind kind, uint64_t object) {
  struct leakgate_query query;

  memset(&query, 0, sizeof(query));
  query.version = 1;
  query.kind = (uint32_t)kind;
  query.object = object;
  return query;
}

LEAKGATE_INLINE void leakgate_say(enum leakgate_query_kind kind, uint64_t object) {
  struct leakgate_query query;

  if (!leakgate_is_present()) return;
  query = leakgate_query_of(kind, object);
  leakgate_pass(&query);
}

/*
 * Asks, and says whether something leaks. `result` must not be null, here and in what calls this. The
 * answer's memory is overwritten first: what earlier calls left on the stack must not look like a pointer to
 * a block.
 */
LEAKGATE_INLINE int leakgate_ask(struct leakgate_query* query, struct leakgate_result* result) {
  result->status = LEAKGATE_NONE;
  result->leaks = 0;
  result->text[0] = 0;
  memset(&result->leaked, 0, sizeof(result->leaked));
  memset(result->kinds, 0, sizeof(result->kinds));
  if (!leakgate_is_present()) return 0;
  memset(result->text, 0, sizeof(result->text));
  query->answer = leakgate_address(result);
  query->answer_bytes = sizeof(*result);
  leakgate_take_turn();
  leakgate_pass(query);
  leakgate_end_turn();
  return result->status == LEAKGATE_LEAKS;
}

/* ---- scopes: what is allocated in the process between start and end ---- */

/* `scope` is any address that is this scope's own while it is open; `name` is what reports call it. */
LEAKGATE_INLINE void leakgate_scope_start(void* scope, const char* name) {
  struct leakgate_query query;

  if (!leakgate_is_present()) return;
  query = leakgate_query_of(LEAKGATE_ASK_SCOPE_START, (uint64_t)(uintptr_t)scope);
  query.name = leakgate_text(name);
  leakgate_pass(&query);
}

/* Fills `result` with what is outstanding of the open scope; true where that includes leaks. */
LEAKGATE_INLINE int leakgate_scope_check(void* scope, struct leakgate_result* result) {
  struct leakgate_query query = leakgate_query_of(LEAKGATE_ASK_SCOPE_CHECK, (uint64_t)(uintptr_t)scope);

  return leakgate_ask(&query, result);
}

/* As leakgate_scope_check(), without what tests and scopes inside it allocated. */
LEAKGATE_INLINE int leakgate_scope_check_own(void* scope, struct leakgate_result* result) {
  struct leakgate_query query = leakgate_query_of(LEAKGATE_ASK_SCOPE_CHECK, (uint64_t)(uintptr_t)scope);

  query.flags = LEAKGATE_OWN_BLOCKS;
  return leakgate_ask(&query, result);
}

LEAKGATE_INLINE void leakgate_scope_end(void* scope) {
  leakgate_say(LEAKGATE_ASK_SCOPE_END, (uint64_t)(uintptr_t)scope);
}

/* What the open scope leaked, and will leak, is meant to be: no report has it. */
LEAKGATE_INLINE void leakgate_scope_accept(void* scope) {
  leakgate_say(LEAKGATE_ASK_ACCEPT, (uint64_t)(uintptr_t)scope);
}

/* ---- tests, for programs whose framework leakgate does not know ---- */

/* `test` is any address that is this test's own while it runs. */
LEAKGATE_INLINE void leakgate_test_start(const void* test, const char* suite, const char* name,
                                         const char* file, unsigned line, enum leakgate_framework framework) {
  struct leakgate_query query;

  if (!leakgate_is_present()) return;
  query = leakgate_query_of(LEAKGATE_ASK_TEST_START, (uint64_t)(uintptr_t)test);
  query.suite = leakgate_text(suite);
  query.name = leakgate_text(name);
  query.file = leakgate_text(file);
  query.line = line;
  query.framework = (uint32_t)framework;
  leakgate_pass(&query);
}

/* The test has ended; `failed` and `skipped` count its results of these kinds. True where it leaks. */
LEAKGATE_INLINE int leakgate_test_end(const void* test, unsigned failed, unsigned skipped,
                                      struct leakgate_result* result) {
  struct leakgate_query query = leakgate_query_of(LEAKGATE_ASK_TEST_END, (uint64_t)(uintptr_t)test);

  query.failed = failed;
  query.skipped = skipped;
  return leakgate_ask(&query, result);
}

/* The test that ended last was made to fail because of what leakgate_test_end() said. */
LEAKGATE_INLINE void leakgate_test_failed(void) {
  leakgate_say(LEAKGATE_ASK_TEST_FAILED, 0);
}

/* ---- LeakSanitizer's words, with its meaning ---- */

/* The block that starts at `block`, and what it leads to, is no leak. */
LEAKGATE_INLINE void leakgate_ignore(void* block) {
  leakgate_say(LEAKGATE_ASK_IGNORE, (uint64_t)(uintptr_t)block);
}

/* What this thread allocates from here on is no leak, nor is what it leads to; calls nest. */
LEAKGATE_INLINE void leakgate_disable(void) {
  leakgate_say(LEAKGATE_ASK_DISABLE, 0);
}

LEAKGATE_INLINE void leakgate_enable(void) {
  leakgate_say(LEAKGATE_ASK_ENABLE, 0);
}

/* ---- snapshots ---- */

/* Everything that is outstanding in the process now, by kind. */
LEAKGATE_INLINE void leakgate_snapshot(struct leakgate_result* result) {
  struct leakgate_query query = leakgate_query_of(LEAKGATE_ASK_SNAPSHOT, 0);

  leakgate_ask(&query, result);
}

#endif
