// SPDX-License-Identifier: Apache-2.0
// Growth over repetitions: cases that a test runs once per round, in one process, and that keep what they
// keep until the process ends. Each has a growing and a settled twin of one shape. Truth is what a case does,
// by construction: does what it holds go on growing, whatever the number of rounds?
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "simulator/scenario.h"

namespace leakgate::simulator {

/// One round of one twin. What is chosen by chosen() is the same in each round, what is drawn is not.
class Repetition {
 public:
  Repetition(bool grows, std::uint32_t round, std::uint64_t seed, std::uint32_t salt);

  [[nodiscard]] bool grows() const { return grows_; }
  [[nodiscard]] std::uint32_t round() const { return round_; }  ///< 0, 1, ...
  [[nodiscard]] std::size_t twin() const { return grows_ ? 0 : 1; }
  /// Blocks of a typical round, 1 to 12.
  [[nodiscard]] std::uint32_t count() const { return 1 + chosen(0, 12); }
  /// A number below `below` that the seed chooses for the parameter `which`.
  [[nodiscard]] std::uint32_t chosen(std::uint32_t which, std::uint32_t below) const;
  /// The next random number below `below`.
  std::uint32_t draw(std::uint32_t below);
  /// Bytes of the next block.
  std::size_t bytes() { return sizes_.next(); }

 private:
  bool grows_;
  std::uint32_t round_;
  std::uint64_t seed_;
  std::uint64_t state_;
  SizeSequence sizes_;
};

struct GrowthCase {
  const char* name;      ///< snake_case, unique
  const char* family;    ///< caches, histories, tables, registries
  const char* grows;     ///< one sentence: what the growing twin does
  const char* settles;   ///< one sentence: what the settled twin does instead
  const char* function;  ///< that allocates what grows
  void (*round)(Repetition&);
};

std::span<const GrowthCase> growth_cases();

/// Blocks in use through hidden and interior pointers: tests LookAlike.grows_NAME, where they are asked for.
std::span<const GrowthCase> look_alike_cases();

/// Parts of growth_cases(), by file.
std::span<const GrowthCase> cache_cases();
std::span<const GrowthCase> history_cases();
std::span<const GrowthCase> table_cases();
std::span<const GrowthCase> registry_cases();
inline constexpr std::size_t kGrowthFamilies = 4;

}  // namespace leakgate::simulator
