// SPDX-License-Identifier: Apache-2.0
// 64 threads; each allocates 1000 blocks, frees those its left neighbour made and leaks every hundredth of
// them.
// truth: 640 blocks, 20480 bytes (64 threads, 10 blocks of 32 bytes each)
// truth: 64000 allocations made by the threads themselves in all
#include <array>
#include <barrier>
#include <cstdlib>
#include <thread>
#include <vector>

#include "common.h"

namespace {

constexpr int kThreads = 64;
constexpr int kBlocks = 1000;
std::array<std::array<void*, kBlocks>, kThreads> blocks;

}  // namespace

int main() {
  std::barrier all_allocated(kThreads);
  std::vector<std::thread> threads;
  for (int self = 0; self < kThreads; ++self) {
    threads.emplace_back([self, &all_allocated] {
      for (void*& block : blocks[self]) {
        block = std::malloc(32);
      }
      all_allocated.arrive_and_wait();
      auto& mine = blocks[(self + 1) % kThreads];
      for (int index = 0; index < kBlocks; ++index) {
        if (index % 100 != 0) std::free(mine[index]);
        mine[index] = nullptr;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return 0;
}
