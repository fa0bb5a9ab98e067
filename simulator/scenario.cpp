// SPDX-License-Identifier: Apache-2.0
// Running scenarios: parameters are filled and bounded, truth goes to the log. In: a Scenario. Out: its
// leaks.
#include "simulator/scenario.h"

#include <algorithm>

namespace leakgate::simulator {
namespace {

constexpr std::uint32_t kMaxCount = 1000000;
constexpr std::uint32_t kMaxSizeBytes = 64u << 20;
constexpr std::uint32_t kMaxThreads = 256;

}  // namespace

void wipe_dead_stack() {
#ifndef LEAKGATE_SIM_KEEP_STACK
  volatile char dead[64 * 1024];
  for (std::size_t index = 0; index < sizeof dead; ++index) {
    dead[index] = 0;
  }
#endif
}

std::size_t SizeSequence::next() {
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  const std::uint64_t spread = mean_ / 2 + 1;
  const std::uint64_t bytes = mean_ - mean_ / 4 + (state_ >> 16) % spread;
  return std::max<std::uint64_t>(bytes, 8);
}

void Run::lost(Kind kind, const Site& site, std::uint64_t bytes, std::uint64_t blocks, bool cycle) {
  const LostWhen when = kind == Kind::still_reachable ? LostWhen::never
                        : late_                       ? LostWhen::late
                                                      : LostWhen::in_test;
  log_.add(kind, when, cycle, false, site, test_.view(), blocks, bytes);
}

void Run::lost_in_child(Kind kind, const Site& site, std::uint64_t bytes, std::uint64_t blocks) {
  log_.add(kind, LostWhen::in_test, false, true, site, {}, blocks, bytes);
}

const Scenario* find_scenario(std::string_view name) {
  for (const auto family : catalogue()) {
    for (const Scenario& scenario : family) {
      if (name == scenario.name) return &scenario;
    }
  }
  return nullptr;
}

Parameters effective(const Scenario& scenario, const Parameters& asked) {
  const Parameters& standard = scenario.defaults;
  Parameters used = asked;
  if (used.count == 0) used.count = standard.count;
  if (used.size == 0) used.size = standard.size;
  if (used.threads == 0) used.threads = standard.threads;
  used.count = std::clamp<std::uint32_t>(used.count, 1, kMaxCount);
  used.size = std::clamp<std::uint32_t>(used.size, 1, kMaxSizeBytes);
  used.threads = std::clamp<std::uint32_t>(used.threads, 1, kMaxThreads);
  return used;
}

void execute(const Scenario& scenario, Run& run) {
  scenario.run(run);
  wipe_dead_stack();
}

void finish(const Scenario& scenario, Run& run) {
  run.enter_late();
  if (scenario.finish != nullptr) scenario.finish(run);
  wipe_dead_stack();
}

}  // namespace leakgate::simulator
