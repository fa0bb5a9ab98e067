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
#include "tests/bench/cost/contenders.h"

namespace leakgate::bench {

struct MeasureOptions {
  int rounds = 5;
  bool quick = false;  ///< small counts: the shape of the output, not the figures
  std::string suite;   ///< a test binary with its arguments, split at spaces; empty: none
};

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
  std::uint64_t blocks = 0;
  std::uint64_t kernel_bytes = 0;  ///< of its maps
  std::uint64_t user_bytes = 0;    ///< resident, without what it maps of the kernel's
};

struct Measurements {
  std::vector<Measurement> all;
  std::vector<Memory> memory;  ///< without live blocks, then with
  std::vector<std::string> problems;

  [[nodiscard]] double least_cpu_ms(const std::string& workload, const std::string& contender) const;
  /// The least value, or 0 where it was not measured.
  [[nodiscard]] double least(const std::string& workload, const std::string& contender) const;
  [[nodiscard]] const Measurement* find(const std::string& workload, const std::string& contender) const;
};

/// Workload names.
inline constexpr const char* kPairs = "malloc/free pairs, 20 frames deep";
inline constexpr const char* kLive = "live set of 100,000 blocks, 20 frames deep, two threads";
inline constexpr const char* kTests = "2,000 tiny tests";
inline constexpr const char* kOneTest = "one tiny test of 2,000";
inline constexpr const char* kSuite = "test suite";
inline constexpr const char* kTrue = "/bin/true";
inline constexpr const char* kSpawn = "a further process of a known program";
inline constexpr const char* kSpawnNew = "a further process of a new program";

Measurements measure(const std::vector<Contender>& contenders, const Places& places,
                     const MeasureOptions& options);

}  // namespace leakgate::bench
