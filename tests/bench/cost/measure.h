// SPDX-License-Identifier: Apache-2.0
// Runs every workload under every contender, round by round and interleaved, and keeps the least time of
// each. In: contenders and options. Out: a table of measurements.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/result.h"
#include "tests/bench/cost/workloads.h"

namespace leakgate::bench {

/// One workload under one contender.
struct Measurement {
  std::string workload;
  std::string contender;
  std::string unit;
  double least = 0;
  double median = 0;
  double least_cpu_ms = 0;  ///< processor time of the whole command, leakgate's own included
  std::vector<double> values = {};
  int status = 0;                 ///< of the last run
  bool complete = true;           ///< leakgate: nothing was lost
  std::uint64_t allocations = 0;  ///< leakgate: counted in the last run
};

/// Memory of a leakgate run that holds `blocks` live blocks.
struct Memory {
  std::string contender;
  std::uint64_t blocks = 0;
  std::uint64_t kernel_bytes = 0;  ///< of its maps, or of the memory file that it shares with processes
  std::uint64_t user_bytes = 0;    ///< resident, without what it maps of the kernel's
};

struct Measurements {
  std::vector<Measurement> all;
  std::vector<Memory> memory;  ///< of each leakgate with stacks: without live blocks, then with
  std::vector<std::string> problems;

  [[nodiscard]] double least_cpu_ms(const std::string& workload, const std::string& contender) const;
  /// The least value, or 0 where it was not measured.
  [[nodiscard]] double least(const std::string& workload, const std::string& contender) const;
  [[nodiscard]] const Measurement* find(const std::string& workload, const std::string& contender) const;
};

Measurements measure(const std::vector<Contender>& contenders, const Places& places,
                     const MeasureOptions& options);

}  // namespace leakgate::bench
