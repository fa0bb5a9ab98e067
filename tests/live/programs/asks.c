// SPDX-License-Identifier: Apache-2.0
// Asks leakgate from C, and prints what it is told: "NAME STATUS SITES BYTES BLOCKS".
// truth: `leaks`: a scope with 100 and 2 x 200 bytes lost, and 300 bytes reachable; `clean`, `nested`, `test`,
// truth: `ignored`: see below; `many N`: N scopes that lose 10 bytes each; `fork`: the child asks in vain
#include <leakgate/leakgate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static struct leakgate_result result;
static void* volatile reachable;

LIVE_NOINLINE static void leak(size_t bytes) {
  live_keep(calloc(1, live_opaque(bytes)));
}

static void tell(const char* name) {
  printf("%s %u %u %lu %lu\n", name, result.status, result.leaks, (unsigned long)result.leaked.bytes,
         (unsigned long)result.leaked.blocks);
  fputs(result.text, stdout);
}

static void clean(void) {
  char scope;
  leakgate_scope_start(&scope, "clean");
  free(malloc(live_opaque(50)));
  leakgate_scope_check(&scope, &result);
  leakgate_scope_end(&scope);
  tell("clean");
}

/// So many scopes open at once.
static void deep(int scopes) {
  char names[64];
  for (int i = 0; i < scopes; ++i)
    leakgate_scope_start(&names[i], "deeper");
  free(malloc(live_opaque(50)));
  for (int i = scopes; i-- > 0;)
    leakgate_scope_end(&names[i]);
}

static void leaks(void) {
  char scope;
  leakgate_scope_start(&scope, "leaky");
  leak(100);
  for (int i = 0; i < 2; ++i)
    leak(200);
  reachable = malloc(live_opaque(300));
  leakgate_scope_check(&scope, &result);
  leakgate_scope_end(&scope);
  tell("leaks");
  printf("reachable %lu\n", (unsigned long)result.kinds[LEAKGATE_STILL_REACHABLE].bytes);
}

/// 11 bytes outside, 22 in the outer scope, 33 in the inner.
static void nested(void) {
  char outer, inner;
  leak(11);
  leakgate_scope_start(&outer, "outer");
  leak(22);
  leakgate_scope_start(&inner, "inner");
  leak(33);
  leakgate_scope_check(&inner, &result);
  tell("inner");
  leakgate_scope_end(&inner);
  leakgate_scope_check(&outer, &result);
  tell("outer");
  leakgate_scope_check_own(&outer, &result);
  tell("outer-own");
  leakgate_scope_end(&outer);
  leakgate_scope_check(&outer, &result);
  tell("ended");
}

/// A framework of its own: two tests, the second leaks 44 bytes.
static void tests(enum leakgate_framework framework) {
  static const char* const kNames[] = {"first", "second"};
  for (int i = 0; i < 2; ++i) {
    leakgate_test_start(kNames[i], "Own", kNames[i], __FILE__, __LINE__, framework);
    if (i == 1) leak(44);
    if (leakgate_test_end(kNames[i], 0, 0, &result)) leakgate_test_failed();
    tell(kNames[i]);
  }
}

/// 1000 bytes ignored, that lead to 500; 70 and 80 bytes allocated while disabled; 90 lost.
static void ignored(void) {
  void** block = calloc(1, live_opaque(1000));
  *block = calloc(1, live_opaque(500));
  leakgate_ignore(block);
  block = NULL;
  leakgate_disable();
  leak(70);
  leakgate_disable();
  leakgate_enable();
  leak(80);
  leakgate_enable();
  leak(90);
}

/// 60 bytes that are meant to leak, and 61 that are not.
static void accepted(void) {
  char scope;
  leakgate_scope_start(&scope, "meant");
  leak(60);
  leakgate_scope_accept(&scope);
  leakgate_scope_end(&scope);
  leakgate_scope_start(&scope, "not meant");
  leak(61);
  leakgate_scope_end(&scope);
}

static void snapshots(void) {
  static struct leakgate_result before;
  leakgate_snapshot(&before);
  leak(700);
  reachable = malloc(live_opaque(800));
  leakgate_snapshot(&result);
  for (int kind = 0; kind < LEAKGATE_KINDS; ++kind)
    printf("kind %d %ld\n", kind, (long)(result.kinds[kind].bytes - before.kinds[kind].bytes));
}

static void in_child(void) {
  const pid_t child = fork();
  if (child == 0) {
    leaks();
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

static void many(long times) {
  for (long i = 0; i < times; ++i) {
    char scope;
    leakgate_scope_start(&scope, "one of many");
    leak(10);
    leakgate_scope_check(&scope, &result);
    leakgate_scope_end(&scope);
    if (i == 0) puts("asked once");
    if (i == 0) fflush(stdout);
  }
  puts("asked all");
}

static double now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/// Microseconds of a check with nothing outstanding in its scope, though there is outside of it.
static void cost(void) {
  char scope;
  reachable = malloc(live_opaque(100));
  leakgate_scope_start(&scope, "cost");
  const double started = now_us();
  for (int i = 0; i < 10000; ++i)
    leakgate_scope_check(&scope, &result);
  printf("us %.3f\n", (now_us() - started) / 10000);
  leakgate_scope_end(&scope);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  printf("present %d\n", leakgate_is_present());
  fflush(stdout);
  if (strcmp(what, "clean") == 0) clean();
  if (strcmp(what, "leaks") == 0) leaks();
  if (strcmp(what, "nested") == 0) nested();
  if (strcmp(what, "tests") == 0) tests(LEAKGATE_GTEST);
  if (strcmp(what, "unknown-framework") == 0) tests(LEAKGATE_NO_FRAMEWORK);
  if (strcmp(what, "ignored") == 0) ignored();
  if (strcmp(what, "accepted") == 0) accepted();
  if (strcmp(what, "snapshots") == 0) snapshots();
  if (strcmp(what, "fork") == 0) in_child();
  if (strcmp(what, "deep") == 0) deep(argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1);
  if (strcmp(what, "many") == 0) many(argc > 2 ? strtol(argv[2], NULL, 10) : 1);
  if (strcmp(what, "cost") == 0) cost();
  return 0;
}
