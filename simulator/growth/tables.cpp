// SPDX-License-Identifier: Apache-2.0
// Family tables: built once, built again, or built beside the old one.
#include "simulator/growth/held.h"

namespace leakgate::simulator {
namespace {

HeldList settings[2];

LEAKGATE_SIM_NOINLINE char* settings_line(std::size_t bytes) {
  return new char[bytes];
}

/// Read in the first round; or in each, and nobody lets go of the old ones.
void settings_read(Repetition& now) {
  for (std::uint32_t i = 0; i < now.count() && (now.grows() || now.round() == 0); ++i) {
    const std::size_t bytes = now.bytes();
    settings[now.twin()].add(settings_line(bytes), bytes);
  }
}

/// Rounds of five in which the index is built, the first one in the lowest bit.
constexpr std::array<std::uint32_t, 6> kBuilds = {0b10101, 0b11011, 0b10111, 0b11101, 0b10110, 0b11010};

HeldList indexes[2];

LEAKGATE_SIM_NOINLINE char* index_page(std::size_t bytes) {
  return new char[bytes];
}

/// Built in some rounds; the old one is freed, or kept.
void index_in_steps(Repetition& now) {
  if ((kBuilds[now.chosen(1, kBuilds.size())] >> now.round() % 5 & 1) == 0) return;
  if (!now.grows()) indexes[1].clear();
  for (std::uint32_t i = 0; i < now.count(); ++i) {
    const std::size_t bytes = now.bytes();
    indexes[now.twin()].add(index_page(bytes), bytes);
  }
}

HeldList buffers[2];

LEAKGATE_SIM_NOINLINE char* wider_buffer(std::size_t bytes) {
  return new char[bytes];
}

/// Twice as wide in each round; the old one is freed, or kept.
void doubling_buffer(Repetition& now) {
  const std::size_t bytes = (std::size_t{32} + now.chosen(1, 200)) << (now.round() % 16);
  if (!now.grows()) buffers[1].clear();
  buffers[now.twin()].add(wider_buffer(bytes), bytes);
}

HeldList late_tables[2];

LEAKGATE_SIM_NOINLINE char* late_row(std::size_t bytes) {
  return new char[bytes];
}

/// Nothing in the first round; then once, or in each.
void late_table(Repetition& now) {
  const bool builds = now.grows() ? now.round() > 0 : now.round() == 1 + now.chosen(1, 3);
  for (std::uint32_t i = 0; builds && i < now.count(); ++i) {
    const std::size_t bytes = now.bytes();
    late_tables[now.twin()].add(late_row(bytes), bytes);
  }
}

constexpr GrowthCase kCases[] = {
    {"settings_read", "tables", "settings are read in each round, and the old ones kept",
     "settings are read in the first round", "settings_line", settings_read},
    {"index_in_steps", "tables", "an index is built again in some rounds, and the old one kept",
     "an index is built again in some rounds, and the old one freed", "index_page", index_in_steps},
    {"doubling_buffer", "tables", "a buffer of twice the size, and the old one is kept",
     "a buffer of twice the size, and the old one is freed", "wider_buffer", doubling_buffer},
    {"late_table", "tables", "from the second round on, each adds to a table",
     "a table is built on first use, in a later round", "late_row", late_table},
};

}  // namespace

std::span<const GrowthCase> table_cases() {
  return kCases;
}

}  // namespace leakgate::simulator
