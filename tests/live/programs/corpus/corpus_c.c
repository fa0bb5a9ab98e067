// SPDX-License-Identifier: Apache-2.0
// Stack corpus, C: one leak for each way in which C code comes to an allocation. gdb_test compares each stack
// with the debugger's. truth: 15 leaks, of 70,001 to 70,015 bytes
#include <pthread.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "corpus.h"

static void* volatile g_block;

CORPUS_NOINLINE static void leak_directly(void) {
  g_block = malloc(corpus_bytes(1));
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE static void leak_by_calloc(void) {
  g_block = calloc(1, corpus_bytes(2));
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE static void leak_by_strdup(void) {
  char text[70003];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  g_block = strdup(text);
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE static int recurse(int depth) {
  int below = 0;
  if (depth == 0)
    g_block = malloc(corpus_bytes(4));
  else
    below = recurse(depth - 1);
  CORPUS_AFTER_CALL();
  return below + depth;
}

CORPUS_NOINLINE static void on_signal(int number) {
  (void)number;
  g_block = malloc(corpus_bytes(5));
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE static void leak_in_signal_handler(void) {
  signal(SIGUSR1, on_signal);
  raise(SIGUSR1);
  CORPUS_AFTER_CALL();
}

/* The handler runs on a stack of its own, and interrupts an instruction instead of a call. */
CORPUS_NOINLINE static void on_trap(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
  g_block = malloc(corpus_bytes(6));
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE static void leak_on_other_stack(void) {
  static char other[1 << 17];
  stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_ONSTACK | SA_SIGINFO;
  sigaltstack(&stack, NULL);
  sigaction(SIGILL, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  kill(getpid(), SIGUSR2);
  CORPUS_AFTER_CALL();
}

static int compare(const void* left, const void* right) {
  if (g_block == NULL) g_block = malloc(corpus_bytes(7));
  CORPUS_AFTER_CALL();
  return *(const int*)left - *(const int*)right;
}

CORPUS_NOINLINE static void leak_in_callback(void) {
  int numbers[] = {3, 1, 2};
  g_block = NULL;
  qsort(numbers, 3, sizeof numbers[0], compare);
  CORPUS_AFTER_CALL();
}

/* Frames whose size is only known when they run. */
CORPUS_NOINLINE static void leak_above_variable_array(size_t length) {
  char array[length];
  memset(array, 1, length);
  corpus_keep(array);
  g_block = malloc(corpus_bytes(8));
  CORPUS_AFTER_CALL();
}

/* A frame too large for the common unwinding rule. */
CORPUS_NOINLINE static void leak_above_large_array(void) {
  char array[600000];
  memset(array, 1, sizeof array);
  corpus_keep(array);
  g_block = malloc(corpus_bytes(9));
  CORPUS_AFTER_CALL();
}

/* A frame that is realigned for its wide variable. */
CORPUS_NOINLINE static void leak_above_aligned_variable(int number) {
  _Alignas(64) volatile int wide[32];
  wide[number & 31] = number;
  g_block = malloc(corpus_bytes(10));
  corpus_keep((const void*)&wide[number & 31]);
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE static void leak_by_many_arguments(int count, ...) {
  va_list arguments;
  va_start(arguments, count);
  char text[64];
  vsnprintf(text, sizeof text, "%d %d", arguments);
  va_end(arguments);
  g_block = malloc(corpus_bytes(11));
  CORPUS_AFTER_CALL();
}

static jmp_buf g_back;

CORPUS_NOINLINE static void jump_back(void) {
  longjmp(g_back, 1);
}

CORPUS_NOINLINE static void leak_after_longjmp(void) {
  if (setjmp(g_back) == 0) jump_back();
  g_block = malloc(corpus_bytes(12));
  CORPUS_AFTER_CALL();
}

static inline __attribute__((always_inline)) void inner_inlined(void) {
  g_block = malloc(corpus_bytes(13));
}

static inline __attribute__((always_inline)) void outer_inlined(void) {
  inner_inlined();
}

CORPUS_NOINLINE static void leak_in_inlined_call(void) {
  outer_inlined();
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE static void* thread_main(void* argument) {
  g_block = malloc(corpus_bytes(14));
  CORPUS_AFTER_CALL();
  return argument;
}

CORPUS_NOINLINE static void leak_in_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, thread_main, NULL) != 0) abort();
  pthread_join(thread, NULL);
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE static void at_exit(void) {
  g_block = malloc(corpus_bytes(15));
  CORPUS_AFTER_CALL();
}

int main(void) {
  atexit(at_exit);
  leak_directly();
  leak_by_calloc();
  leak_by_strdup();
  recurse(200);
  leak_in_signal_handler();
  leak_on_other_stack();
  leak_in_callback();
  leak_above_variable_array(corpus_bytes(0) / 70);
  leak_above_large_array();
  leak_above_aligned_variable(3);
  leak_by_many_arguments(2, 1, 2);
  leak_after_longjmp();
  leak_in_inlined_call();
  leak_in_thread();
  return 0;
}
