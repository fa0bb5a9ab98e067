// SPDX-License-Identifier: Apache-2.0
// Family histories: what came last is kept, or all that ever came.
#include "simulator/growth/held.h"

namespace leakgate::simulator {
namespace {

HeldList history;
HeldRing last_entries;

LEAKGATE_SIM_NOINLINE char* history_line(std::size_t bytes) {
  return new char[bytes];
}

/// All lines, or the last ones, of up to three rounds.
void endless_history(Repetition& now) {
  const std::uint32_t kept = now.count() * (1 + now.chosen(1, 3));
  for (std::uint32_t i = 0; i < now.count(); ++i) {
    const std::size_t bytes = now.bytes();
    char* line = history_line(bytes);
    if (now.grows())
      history.add(line, bytes);
    else
      last_entries.add(line, bytes, kept);
  }
}

HeldList table[2];
HeldList beside_it;

LEAKGATE_SIM_NOINLINE char* tooth(std::size_t bytes) {
  return new char[bytes];
}

/// A table that is filled, and cleared every one to three rounds; the careless twin keeps one entry of each.
void sawtooth(Repetition& now) {
  const std::uint32_t period = 1 + now.chosen(1, 3);
  if (now.round() % period == now.chosen(2, period)) table[now.twin()].clear();
  for (std::uint32_t i = 0; i <= now.count(); ++i) {
    const std::size_t bytes = now.bytes();
    char* entry = tooth(bytes);
    (now.grows() && i == 0 ? beside_it : table[now.twin()]).add(entry, bytes);
  }
}

HeldList wave_left;
HeldList last_wave;

LEAKGATE_SIM_NOINLINE char* wave(std::size_t bytes) {
  return new char[bytes];
}

/// Up and down within each round, by other heights; a few of each wave stay, or the last wave does.
void waves(Repetition& now) {
  last_wave.clear();
  const std::uint32_t height = 4 + now.draw(30);
  const std::uint32_t stay = 1 + now.draw(3);
  for (std::uint32_t i = 0; i < height; ++i) {
    const std::size_t bytes = now.bytes();
    char* block = wave(bytes);
    if (!now.grows()) {
      last_wave.add(block, bytes);
    } else if (i < stay) {
      wave_left.add(block, bytes);
    } else {
      release(block);
    }
  }
}

HeldList bursts[2];

LEAKGATE_SIM_NOINLINE char* burst_entry(std::size_t bytes) {
  return new char[bytes];
}

/// Once, in whatever round; or every second round again.
void burst_of_entries(Repetition& now) {
  const bool now_it_comes = now.grows() ? now.round() % 2 == 0 : now.round() == now.chosen(1, 5);
  for (std::uint32_t i = 0; now_it_comes && i < 40; ++i) {
    const std::size_t bytes = now.bytes();
    bursts[now.twin()].add(burst_entry(bytes), bytes);
  }
}

constexpr GrowthCase kCases[] = {
    {"endless_history", "histories", "a history without an end", "a history of the last one to three rounds",
     "history_line", endless_history},
    {"sawtooth", "histories", "a table that is cleared, but for an entry of each round",
     "a table that is cleared every one to three rounds", "tooth", sawtooth},
    {"waves", "histories", "of each wave a few blocks stay", "the last wave stays until the next one", "wave",
     waves},
    {"burst_of_entries", "histories", "a burst every second round, and all of it stays",
     "one burst, in whatever round", "burst_entry", burst_of_entries},
};

}  // namespace

std::span<const GrowthCase> history_cases() {
  return kCases;
}

}  // namespace leakgate::simulator
