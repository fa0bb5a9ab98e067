// SPDX-License-Identifier: Apache-2.0
// Allocations made inside libraries on behalf of this program: through operator new, strdup, std::string's
// constructor, std::vector, asprintf, qsort's callback and a thread. The line that asked for them has to be
// in the stack whatever the compiler's options; so built with three sets of them (live_callers_O0, _O2fp,
// _O2).
// truth: 1 block each on the lines marked "caller: NAME", of these bytes: new 1001, array 1002, strdup 1003,
// truth: string 1004, vector 1005, printf 1006, callback 1007, thread 1008, deep 1009; all are lost
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "common.h"

namespace {

struct Thousand {
  char bytes[1001];
};

/// As many characters as asked for, not to be seen through by the compiler.
const char* text(std::size_t length) {
  static char letters[2048];
  std::memset(letters, 'x', sizeof letters);
  letters[live_opaque(length)] = '\0';
  return letters;
}

LIVE_NOINLINE void call_new() {
  live_keep(new Thousand);  // caller: new
}

LIVE_NOINLINE void call_new_array() {
  live_keep(new char[live_opaque(1002)]);  // caller: array
}

LIVE_NOINLINE void call_strdup() {
  live_keep(strdup(text(1002)));  // caller: strdup
}

/// The string itself lies in memory that is not the heap's: only its characters are a block.
LIVE_NOINLINE void construct_string() {
  alignas(std::string) static char place[sizeof(std::string)];
  const char* const characters = text(1003);
  live_keep(new (place) std::string(characters));  // caller: string
}

LIVE_NOINLINE void construct_vector() {
  alignas(std::vector<char>) static char place[sizeof(std::vector<char>)];
  live_keep(new (place) std::vector<char>(live_opaque(1005)));  // caller: vector
}

LIVE_NOINLINE void call_asprintf() {
  char* made = nullptr;
  // asprintf gives the block its final size by realloc.
  if (asprintf(&made, "%s", text(1005)) < 0) std::abort();  // caller: printf
  live_keep(made);
}

int compare(const void* left, const void* right) {
  static bool done = false;
  live_keep(left);
  live_keep(right);
  if (!done) live_keep(std::malloc(live_opaque(1007)));  // caller: callback
  done = true;
  return 0;
}

LIVE_NOINLINE void call_back() {
  int numbers[] = {2, 1};
  qsort(numbers, 2, sizeof numbers[0], compare);  // caller: qsort
}

void in_thread() {
  live_keep(std::malloc(live_opaque(1008)));  // caller: thread
}

LIVE_NOINLINE void descend(int depth) {
  if (depth == 0) {
    live_keep(std::malloc(live_opaque(1009)));  // caller: deep
    return;
  }
  descend(depth - 1);  // caller: descent
  live_keep(&depth);
}

}  // namespace

int main() {
  call_new();
  call_new_array();
  call_strdup();
  construct_string();
  construct_vector();
  call_asprintf();
  call_back();
  std::thread(in_thread).join();
  descend(30);  // caller: main
  return 0;
}
