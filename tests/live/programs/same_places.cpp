// SPDX-License-Identifier: Apache-2.0
// Blocks from 64 paths that meet at the same place of the stack: the same stack pointer, the same call of
// malloc, and the same callers at every depth but for which of two functions it is. Taken in turns, so that a
// tracer that remembers stacks by anything less than all of their frames mixes them up. The same once more
// with frames of changing size in between, and by 80 threads whose blocks other threads free.
// truth: path p leaks 2 * (p % 7 + 1) blocks of 100 + p bytes, and p % 7 + 1 through frames of changing size
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "common.h"

namespace {

constexpr unsigned kDepth = 6, kPaths = 1 << kDepth, kRounds = 8, kThreads = 80;

using Deed = void (*)(unsigned path);

LIVE_NOINLINE void go_left(unsigned path, unsigned depth, Deed deed);
LIVE_NOINLINE void go_right(unsigned path, unsigned depth, Deed deed) {
  if (depth == 0)
    deed(path);
  else
    (path >> (depth - 1) & 1 ? go_right : go_left)(path, depth - 1, deed);
  asm volatile("");
}
void go_left(unsigned path, unsigned depth, Deed deed) {
  if (depth == 0)
    deed(path);
  else
    (path >> (depth - 1) & 1 ? go_right : go_left)(path, depth - 1, deed);
  asm volatile("");
}

unsigned round_now = 0;

LIVE_NOINLINE void leak_some(unsigned path) {
  if (round_now < path % 7 + 1) {
    void* const block = std::malloc(live_opaque(100 + path));
    std::memset(block, 0, 100 + path);  // what the memory held before may be pointers to what leaks
    live_keep(block);
  }
  std::free(std::malloc(live_opaque(100 + path)));
}

/// A frame whose size the compiler does not know: it is left by way of the frame pointer.
LIVE_NOINLINE void leak_behind_room(unsigned path) {
  volatile char* const room = static_cast<char*>(__builtin_alloca(live_opaque(16 + 16 * (path % 5))));
  room[0] = 1;
  leak_some(path);
  asm volatile("" : : "r"(room) : "memory");
}

void go_all_ways(Deed deed) {
  for (round_now = 0; round_now < kRounds; ++round_now)
    for (unsigned path = 0; path < kPaths; ++path)
      go_left(path, kDepth, deed);
}

struct Handed {
  std::vector<void*> blocks;
  Handed* from = nullptr;
};
thread_local Handed* own = nullptr;

LIVE_NOINLINE void hand_on(unsigned path) {
  own->blocks.push_back(std::malloc(live_opaque(300 + path)));
}

/// Each thread's blocks are freed by the next one.
void pass_round() {
  std::vector<Handed> all(kThreads);
  for (unsigned i = 0; i < kThreads; ++i)
    all[i].from = &all[(i + 1) % kThreads];
  const auto run = [&](auto work) {
    std::vector<std::thread> threads;
    for (Handed& handed : all)
      threads.emplace_back([&handed, work] { work(handed); });
    for (std::thread& thread : threads)
      thread.join();
  };
  run([](Handed& handed) {
    own = &handed;
    for (unsigned round = 0; round < kRounds; ++round)
      for (unsigned path = 0; path < kPaths; ++path)
        go_left(path, kDepth, hand_on);
  });
  run([](Handed& handed) {
    for (void* block : handed.from->blocks)
      std::free(block);
  });
}

}  // namespace

int main() {
  go_all_ways(leak_some);
  go_all_ways(leak_behind_room);
  pass_round();
  go_all_ways(leak_some);
  return 0;
}
