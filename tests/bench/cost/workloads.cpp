// SPDX-License-Identifier: Apache-2.0
// Counts are chosen so that a row takes about as long under each contender, where it times itself; a row from
// start to end does the same work under each.
#include "tests/bench/cost/workloads.h"

#include <algorithm>
#include <sstream>

namespace leakgate::bench {
namespace {

Words split(const std::string& text) {
  std::istringstream stream(text);
  Words words;
  for (std::string word; stream >> word;)
    words.push_back(word);
  return words;
}

/// As many pairs as fill about `seconds`.
std::string pair_count(const Contender& contender, double seconds) {
  const double count = seconds * 1e6 / std::max(contender.us_per_pair, 0.5);
  return std::to_string(static_cast<long>(count));
}

/// Contenders that most rows are without: those that take long, and what only rows of threads are held
/// against.
const std::set<std::string> kFewRows = {kEntry, kBpftrace, kMemleak, kTable};

/// What allocating costs.
void add_allocating(std::vector<Workload>& all, const Places& places, const MeasureOptions& options) {
  const double seconds = options.quick ? 0.02 : 0.6;
  const std::string blocks = options.quick ? "1000" : "100000";
  const std::string steps = options.quick ? "1000" : "100000";
  const std::string many_steps = options.quick ? "1000" : "3000000";
  const std::set<std::string> preloaded = {kNative, kPreload, kLeakSanitizer, kHeaptrack};
  std::set<std::string> pairs = preloaded, threads = preloaded;
  threads.insert(kTable);
  pairs.insert({kStacks, kValgrind});
  all.push_back({kPairs,
                 "ns/pair",
                 "ns_per_pair",
                 [=](const Contender& c) {
                   return Words{places.work, "pairs", pair_count(c, seconds), "20"};
                 },
                 {kTable}});
  all.push_back({kFramePairs,
                 "ns/pair",
                 "ns_per_pair",
                 [=](const Contender& c) {
                   return Words{places.work_frames, "pairs", pair_count(c, seconds), "20"};
                 },
                 {},
                 pairs});
  all.push_back({kLive, "ns/pair", "ns_per_pair",
                 [=](const Contender&) { return Words{places.work, "live", blocks, steps, "20", "2"}; },
                 kFewRows});
  all.push_back(
      {kMix,
       "ms",
       "",
       [=](const Contender&) { return Words{places.work_frames, "live", blocks, many_steps, "20", "2"}; },
       {},
       threads});
  all.push_back(
      {kThreads,
       "ms",
       "",
       [=](const Contender&) { return Words{places.work_frames, "live", blocks, many_steps, "20", "16"}; },
       {},
       threads});
}

/// What tests and processes cost.
void add_running(std::vector<Workload>& all, const Places& places, const MeasureOptions& options) {
  const std::string processes = options.quick ? "2" : "20";
  std::set<std::string> one_process = kFewRows;
  one_process.insert({kFloor, kNoStacks, kValgrind, kHeaptrack, kLeakSanitizer});
  all.push_back({kTests, "ms", "", [=](const Contender&) { return Words{places.tests}; }, kFewRows});
  all.push_back({kOneTest, "ms", "",
                 [=](const Contender&) {
                   return Words{places.tests, "--gtest_filter=*/1"};
                 },
                 kFewRows});
  all.push_back({kTrue, "ms", "", [](const Contender&) { return Words{"/bin/true"}; }, kFewRows});
  all.push_back({kSpawn, "ms/process", "ms_per_process",
                 [=](const Contender&) {
                   return Words{places.work, "spawn", processes, "/bin/true"};
                 },
                 one_process});
  all.push_back({kSpawnNew, "ms/process", "ms_per_process",
                 [=](const Contender&) {
                   return Words{places.work, "spawn", processes, "/bin/true", places.scratch};
                 },
                 one_process});
  if (!options.suite.empty())
    all.push_back({kSuite, "ms", "", [=](const Contender&) { return split(options.suite); }, kFewRows});
}

}  // namespace

bool Workload::is_for(const Contender& contender) const {
  if (without.contains(contender.name)) return false;
  if (!only.empty() && !only.contains(contender.name)) return false;
  return !value.empty() || contender.follows_time;
}

std::vector<Workload> make_workloads(const Places& places, const MeasureOptions& options) {
  std::vector<Workload> all;
  add_allocating(all, places, options);
  add_running(all, places, options);
  std::erase_if(all, [&](const Workload& one) { return one.name.find(options.only) == std::string::npos; });
  return all;
}

}  // namespace leakgate::bench
