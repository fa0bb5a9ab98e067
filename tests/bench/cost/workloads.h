// SPDX-License-Identifier: Apache-2.0
// The workloads as data. In: where the programs are. Out: for each, its command under each contender, and
// what of its output is measured.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/bench/cost/contenders.h"

namespace leakgate::bench {

struct MeasureOptions {
  int rounds = 5;
  bool quick = false;  ///< small counts: the shape of the output, not the figures
  std::string suite;   ///< a test binary with its arguments, split at spaces; empty: none
  std::string only;    ///< part of the name of the workloads to run; empty: all, and memory
};

/// Workload names.
inline constexpr const char* kPairs = "malloc/free pairs, 20 frames deep";
inline constexpr const char* kFramePairs = "malloc/free pairs, 20 frames deep, frame pointers kept";
inline constexpr const char* kLive = "live set of 100,000 blocks, 20 frames deep, two threads";
inline constexpr const char* kMix = "the same live set, from start to end";
inline constexpr const char* kThreads = "16 threads at once, from start to end";
inline constexpr const char* kTests = "2,000 tiny tests";
inline constexpr const char* kOneTest = "one tiny test of 2,000";
inline constexpr const char* kSuite = "test suite";
inline constexpr const char* kTrue = "/bin/true";
inline constexpr const char* kSpawn = "a further process of a known program";
inline constexpr const char* kSpawnNew = "a further process of a new program";

struct Workload {
  std::string name;
  std::string unit;
  std::string value;  ///< the line of its output that holds the value; empty: milliseconds from start to end
  std::function<Words(const Contender&)> command;
  std::set<std::string> without = {};  ///< contenders that it says nothing about, or that take minutes
  std::set<std::string> only = {};     ///< where not empty: the contenders that it is about

  [[nodiscard]] bool is_for(const Contender& contender) const;
};

std::vector<Workload> make_workloads(const Places& places, const MeasureOptions& options);

}  // namespace leakgate::bench
