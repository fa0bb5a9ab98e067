// SPDX-License-Identifier: Apache-2.0
// What a workload is run under: nothing, empty probes, leakgate, other tools. In: a command. Out: the command
// that runs it so. What is not installed has no contender.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace leakgate::bench {

using Words = std::vector<std::string>;

struct Contender {
  std::string name;
  std::function<Words(const Words&)> wrap;
  double us_per_pair = 0;    ///< roughly; how many pairs can be asked of it
  bool follows_time = true;  ///< its end follows the command's; else only the command's own clock counts
  bool is_leakgate = false;  ///< writes a result that can be read
};

/// Names used by the figures.
inline constexpr const char* kNative = "native";
inline constexpr const char* kFloor = "empty probes, planned sites";
inline constexpr const char* kEntry = "empty probes, function entries";
inline constexpr const char* kNoStacks = "leakgate, no stacks";
inline constexpr const char* kStacks = "leakgate, stacks";
inline constexpr const char* kPreload = "leakgate, preload";
inline constexpr const char* kTable = "a bare table of blocks, preloaded";
inline constexpr const char* kLeakSanitizer = "LeakSanitizer, preloaded";
inline constexpr const char* kValgrind = "valgrind memcheck";
inline constexpr const char* kHeaptrack = "heaptrack";
inline constexpr const char* kBpftrace = "bpftrace memleak script";
inline constexpr const char* kMemleak = "bcc memleak";

/// Where things are. `json` is the file into which leakgate writes its result.
struct Places {
  std::string self;  ///< this program
  std::string leakgate;
  std::string work;         ///< bench_work
  std::string work_frames;  ///< the same, built to keep frame pointers
  std::string tests;        ///< bench_tests
  std::string table;        ///< bench_table, a library
  std::string scratch;      ///< a directory for files of the run
  std::string json;
};

/// All that can run here, in the order of the table. `missing` receives the names of those that cannot.
std::vector<Contender> find_contenders(const Places& places, Words* missing);

}  // namespace leakgate::bench
