// SPDX-License-Identifier: Apache-2.0
// A scenario: a named, parameterised leak with a leaking and a clean twin. In: Parameters. Out: leaked
// memory, and its truth, written down by the very code that leaks. Nothing here allocates: a clean twin must
// end with no block at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "simulator/truth_log.h"

namespace leakgate::simulator {

enum class Twin { leaking, clean };

/// What the caller may turn. A field that is 0 takes the scenario's default.
struct Parameters {
  std::uint32_t count = 0;    ///< rounds: most scenarios lose one structure per round
  std::uint32_t size = 0;     ///< bytes of a typical block; real sizes vary around it with the seed
  std::uint32_t threads = 0;  ///< threads (or children) that leak, where the scenario has any
  std::uint64_t seed = 1;
};

/// Deterministic block sizes around a mean: from three quarters of it to five quarters, never under 8 bytes.
class SizeSequence {
 public:
  SizeSequence(std::uint64_t seed, std::uint32_t mean)
      : state_(seed * 0x9e3779b97f4a7c15u + 1), mean_(mean) {}
  /// The next size in bytes.
  std::size_t next();

 private:
  std::uint64_t state_;
  std::uint32_t mean_;
};

/// One run of one twin: the parameters in force and the way to write truth down.
class Run {
 public:
  /// `test` is the id of the test the run stands in; empty outside of a test framework. Up to kMaxText bytes
  /// are kept.
  Run(TruthLog& log, Twin twin, const Parameters& parameters, std::string_view test = {})
      : log_(log), twin_(twin), parameters_(parameters), test_(test) {}

  [[nodiscard]] bool leaking() const { return twin_ == Twin::leaking; }
  [[nodiscard]] Twin twin() const { return twin_; }
  [[nodiscard]] std::uint32_t count() const { return parameters_.count; }
  [[nodiscard]] std::uint32_t threads() const { return parameters_.threads; }
  [[nodiscard]] std::uint32_t size() const { return parameters_.size; }
  /// Sizes for one stream (a thread, a child); equal seeds and streams give equal sizes.
  [[nodiscard]] SizeSequence sizes(std::uint32_t stream = 0) const {
    return SizeSequence(parameters_.seed + 0x10001u * stream, parameters_.size);
  }
  /// Writes down that `blocks` blocks of `bytes` bytes in all, allocated at `site`, are lost in this process.
  void lost(Kind kind, const Site& site, std::uint64_t bytes, std::uint64_t blocks = 1, bool cycle = false);
  /// The same for a forked child: its blocks belong to no test of the parent's.
  void lost_in_child(Kind kind, const Site& site, std::uint64_t bytes, std::uint64_t blocks = 1);
  /// The next sizes() are others.
  void advance() { ++parameters_.seed; }
  /// From now on the late clean-up runs.
  void enter_late() { late_ = true; }

 private:
  TruthLog& log_;
  Twin twin_;
  Parameters parameters_;
  FixedText test_;
  bool late_ = false;
};

/// An entry of the catalogue. `run` makes the leak; `finish`, where there is one, is the late clean-up: the
/// end of the plain program, the suite's tear-down in a test binary.
struct Scenario {
  const char* name;     ///< snake_case, unique
  const char* family;   ///< basic, kind, cause, growth, thread, process, benign
  const char* leaking;  ///< one sentence: what the leaking twin does
  const char* clean;    ///< one sentence: what the clean twin does instead
  Parameters defaults;
  void (*run)(Run&);
  void (*finish)(Run&) = nullptr;
};

/// Every scenario, family after family.
std::span<const std::span<const Scenario>> catalogue();

/// The scenario called `name`; nullptr if there is none.
const Scenario* find_scenario(std::string_view name);

/// `asked` with every zero filled from the scenario's defaults, and bounded to what a scenario can hold.
Parameters effective(const Scenario& scenario, const Parameters& asked);

/// Overwrites the stack below the caller's frame: a dead frame may still hold the last pointer to a lost
/// block, or, where a live one comes to lie over it, the address of a block that was freed and is now
/// another's.
[[gnu::noinline]] void wipe_dead_stack();

/// Runs the scenario's main part and wipes the dead stack below, so that no stale pointer hides a leak.
void execute(const Scenario& scenario, Run& run);

/// Runs the scenario's late clean-up, if it has one.
void finish(const Scenario& scenario, Run& run);

}  // namespace leakgate::simulator
