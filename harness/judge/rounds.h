// SPDX-License-Identifier: Apache-2.0
// What one run leaves, where the tests of a process ran in rounds (GoogleTest's --gtest_repeat): rules that
// compare with another run must not add rounds up. In: amounts by window. Out: the amount of one run.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "harness/model/recording.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

struct Amount {
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;

  /// Up to the highest value.
  void add(const Amount& other);
};

/// What several processes of one program are: parts of a run, each with leaks of its own, or runs of that
/// program. Limits add up what is there. What was accepted is accepted of each: shards, a process for each
/// test as ctest has it, and tests that it repeats, must not make leaks grow with their number.
enum class Processes { parts, runs };

/// Which windows are rounds of one test: those with one id and one place in one process. Where processes are
/// runs, in any of one program, and so is what is outside tests in them; programs without tests are run again
/// where they have the same arguments.
class Rounds {
 public:
  explicit Rounds(const model::Recording& recording, Processes processes = Processes::parts);
  explicit Rounds(const model::Verdict& verdict, Processes processes = Processes::parts);

  /// Likewise numbered are the windows that are rounds of one test.
  [[nodiscard]] std::uint32_t series_of(std::uint32_t window) const { return series_.at(window); }

  /// Among how many rounds the blocks of `window` are shared: for "(outside tests)", whose blocks no round
  /// can claim, the rounds of its process; else 1.
  [[nodiscard]] std::uint64_t shared_by(std::uint32_t window) const { return shared_by_.at(window); }

 private:
  explicit Rounds(const std::vector<const model::Test*>& tests);
  void join_processes(const std::vector<const model::Test*>& tests,
                      const std::vector<model::Process>& processes);

  std::vector<std::uint32_t> series_;
  std::vector<std::uint64_t> shared_by_;
};

/// Whether `test` stands for the whole of a process in which there was no window: it has the name of the
/// program.
bool is_whole_process(const model::Test& test, const std::vector<model::Process>& processes);

/// Amounts of several windows as one run has them: sums over tests and processes, but of the rounds of one
/// test the largest. Not an even share: what comes in one round alone, such as a table made on first use, is
/// whole in a run without rounds too. Outside tests rounds cannot be told apart: there it is an even share
/// where the blocks can be shared evenly, as where each round left the same, and the whole where not.
class RunAmount {
 public:
  void add(std::uint32_t window, const Amount& amount) { by_window_[window].add(amount); }
  [[nodiscard]] Amount total(const Rounds& rounds) const;

 private:
  std::map<std::uint32_t, Amount> by_window_;
};

}  // namespace leakgate::judge
