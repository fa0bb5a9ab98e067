// SPDX-License-Identifier: Apache-2.0
// Family kind, third part: roots other than globals. A frame of main's, a register of a thread that waits.
#include "simulator/scenarios/roots.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {
namespace {

LEAKGATE_SIM_NOINLINE char* frame_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// Where main's frame is not ours to use, nothing happens.
void main_stack_root(Run& run) {
  if (main_frame == nullptr) return;
  char*& place = main_frame->held[run.leaking() ? 0 : 1];
  if (place != nullptr) return;
  const std::size_t bytes = run.sizes().next();
  Site site;
  place = frame_block(site, bytes);
  fill(place, bytes);
  if (run.leaking()) run.lost(Kind::still_reachable, site, bytes);
}

void main_stack_root_end(Run& run) {
  if (main_frame == nullptr || run.leaking()) return;
  release(main_frame->held[1]);
  main_frame->held[1] = nullptr;
}

/// A thread of one twin, and what it is told.
struct Waiting {
  pthread_t thread{};
  bool started = false;
  std::uint32_t may_end = 0;
  std::uint32_t ready = 0;
  std::size_t bytes = 0;
  Site site;
};

std::array<Waiting, 2> waiting;

LEAKGATE_SIM_NOINLINE char* register_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// The complement, so that no frame of this thread has the address itself.
LEAKGATE_SIM_NOINLINE std::uintptr_t hidden_block(Waiting& mine) {
  char* block = register_block(mine.site, mine.bytes);
  fill(block, mine.bytes);
  return ~reinterpret_cast<std::uintptr_t>(block);
}

LEAKGATE_SIM_NOINLINE void wipe() {
  volatile char dead[4096];
  for (std::size_t index = 0; index < sizeof dead; ++index)
    dead[index] = 0;
}

void* wait_in_thread(void* argument) {
  auto& mine = *static_cast<Waiting*>(argument);
  const std::uintptr_t hidden = hidden_block(mine);
  wipe();
  wait_with_register(hidden, mine.ready, mine.may_end);
  release(reinterpret_cast<char*>(~hidden));
  return nullptr;
}

void register_root(Run& run) {
  Waiting& mine = waiting[run.leaking() ? 0 : 1];
  if (mine.started) return;
  mine.bytes = run.sizes().next();
  mine.started = ::pthread_create(&mine.thread, nullptr, wait_in_thread, &mine) == 0;
  if (!mine.started) return;
  while (__atomic_load_n(&mine.ready, __ATOMIC_ACQUIRE) == 0)
    ::syscall(SYS_futex, &mine.ready, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  if (run.leaking()) run.lost(Kind::still_reachable, mine.site, mine.bytes);
}

void register_root_end(Run& run) {
  Waiting& mine = waiting[1];
  if (run.leaking() || !mine.started) return;
  __atomic_store_n(&mine.may_end, 1, __ATOMIC_RELEASE);
  ::syscall(SYS_futex, &mine.may_end, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  ::pthread_join(mine.thread, nullptr);
  mine = Waiting{};
}

constexpr Parameters kDefaults{1, 96, 1, 1};
constexpr Scenario kScenarios[] = {
    {"main_stack_root", "kind", "a variable in main's frame alone points at the block, to the end",
     "the block is freed at the end", kDefaults, main_stack_root, main_stack_root_end},
    {"register_root", "kind", "a thread waits for ever with the only pointer in a register",
     "the thread is woken at the end and frees the block", kDefaults, register_root, register_root_end},
};

}  // namespace

std::span<const Scenario> root_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator
