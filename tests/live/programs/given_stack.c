// SPDX-License-Identifier: Apache-2.0
// A thread on a stack that the program gave (pthread_attr_setstack) has ended. What the C library kept of it
// is freed, its place is a block of the program's again, and so is the stack.
// truth: nothing lost; exit status 0
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common.h"

enum { BYTES = 128 << 10, POINTERS = 10 };

struct node {
  struct node* next;
  char pad[192];
  void* child;
  char rest[64];
};

static struct node* volatile nodes;

static void* end(void* unused) {
  return unused;
}

static LIVE_NOINLINE void* hold(void) {
  return malloc(50);
}

int main(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  void* const stack = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED) return 1;
  pthread_attr_init(&attributes);
  if (pthread_attr_setstack(&attributes, stack, BYTES) != 0 ||
      pthread_create(&thread, &attributes, end, NULL) != 0)
    return 1;
  pthread_attr_destroy(&attributes);
  pthread_join(thread, NULL);
  for (int i = 0; i < POINTERS; ++i)
    ((void**)stack)[i] = hold();
  for (size_t bytes = sizeof(struct node); bytes <= 400;
       bytes += 16) {                         // as large as the vector, among others
    struct node* const node = malloc(bytes);  // calloc does not take what was freed last
    memset(node, 0, bytes);
    node->child = hold();
    node->next = nodes;
    nodes = node;
  }
  return 0;
}
