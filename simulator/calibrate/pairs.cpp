// SPDX-License-Identifier: Apache-2.0
// See pairs.h. Processor time, because tracing happens in the thread that allocates, and other load must not
// count.
#include "simulator/calibrate/pairs.h"

#include <cstdlib>
#include <ctime>

namespace leakgate::simulator {
namespace {

std::uint64_t thread_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

[[gnu::noinline]] std::uint64_t descend(int frames, std::uint64_t count) {
  if (frames > 0) {
    const std::uint64_t ns = descend(frames - 1, count);
    asm volatile("" : : : "memory");  // no tail call: each frame stays on the stack
    return ns;
  }
  const std::uint64_t started = thread_ns();
  for (std::uint64_t pair = 0; pair < count; ++pair) {
    void* block = std::malloc(64);
    asm volatile("" : : "r"(block) : "memory");
    std::free(block);
  }
  return thread_ns() - started;
}

}  // namespace

double measure_pairs(std::uint64_t count) {
  constexpr int kFrames = 20;
  std::free(std::malloc(64));
  return count == 0 ? 0 : static_cast<double>(descend(kFrames, count)) / static_cast<double>(count);
}

}  // namespace leakgate::simulator
