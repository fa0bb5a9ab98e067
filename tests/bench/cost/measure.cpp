// SPDX-License-Identifier: Apache-2.0
// The workloads as data, the rounds over them, and the memory of a run that holds many blocks.
#include "tests/bench/cost/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/bench/cost/command.h"

namespace leakgate::bench {
namespace {

struct Workload {
  std::string name;
  std::string unit;
  std::string value;  ///< the line of its output that holds the value; empty: milliseconds from start to end
  std::function<Words(const Contender&)> command;
  std::set<std::string> without;  ///< contenders that it says nothing about, or that take minutes
};

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

std::vector<Workload> workloads(const Places& places, const MeasureOptions& options) {
  const double seconds = options.quick ? 0.02 : 0.6;
  const std::string live_blocks = options.quick ? "1000" : "100000";
  const std::string live_steps = options.quick ? "1000" : "100000";
  const std::string processes = options.quick ? "2" : "20";
  const std::set<std::string> slow = {kEntry, "bpftrace memleak script", "bcc memleak"};
  std::set<std::string> one_process = slow;
  one_process.insert({kFloor, kNoStacks, "valgrind memcheck", "heaptrack"});
  std::vector<Workload> all = {
      {kPairs,
       "ns/pair",
       "ns_per_pair",
       [=](const Contender& c) {
         return Words{places.work, "pairs", pair_count(c, seconds), "20"};
       },
       {}},
      {kLive, "ns/pair", "ns_per_pair",
       [=](const Contender&) {
         return Words{places.work, "live", live_blocks, live_steps, "20"};
       },
       slow},
      {kTests, "ms", "", [=](const Contender&) { return Words{places.tests}; }, slow},
      {kOneTest, "ms", "",
       [=](const Contender&) {
         return Words{places.tests, "--gtest_filter=*/1"};
       },
       slow},
      {kTrue,
       "ms",
       "",
       [](const Contender&) { return Words{"/bin/true"}; },
       {kEntry, "bpftrace memleak script", "bcc memleak"}},
      {kSpawn, "ms/process", "ms_per_process",
       [=](const Contender&) {
         return Words{places.work, "spawn", processes, "/bin/true"};
       },
       one_process},
      {kSpawnNew, "ms/process", "ms_per_process",
       [=](const Contender&) {
         return Words{places.work, "spawn", processes, "/bin/true", places.scratch};
       },
       one_process},
  };
  if (!options.suite.empty())
    all.push_back({kSuite, "ms", "", [=](const Contender&) { return split(options.suite); }, slow});
  return all;
}

/// The number behind `name` in lines of "NAME VALUE".
Result<double> value_in(const std::string& output, const std::string& name) {
  const auto at = output.find(name + " ");
  if (at == std::string::npos)
    return Error{ErrorKind::target, "no " + name + " in the workload's output", "", 0};
  return std::strtod(output.c_str() + at + name.size(), nullptr);
}

/// What leakgate says of its run.
void read_result(const Places& places, Measurement& row) {
  std::ifstream file(places.json);
  const auto result = nlohmann::json::parse(file, nullptr, false);
  if (result.is_discarded() || !result.contains("run") || !result.contains("tracer")) {
    row.complete = false;
    return;
  }
  row.complete = result["run"].value("complete", false);
  row.allocations = result["tracer"].value("allocations", std::uint64_t{0});
}

Status run_once(const Workload& workload, const Contender& contender, const Places& places,
                Measurement& row) {
  std::filesystem::remove(places.json);
  auto result = run_command(contender.wrap(workload.command(contender)));
  if (!result) return std::move(result).error();
  row.status = result->status;
  if (result->status == 125 || result->status == 126 || result->status == 127)
    return Error{ErrorKind::target, fmt::format("status {}: {}", result->status, result->err), "", 0};
  if (contender.is_leakgate) read_result(places, row);
  double value = result->wall_s * 1e3;
  if (!workload.value.empty()) {
    auto found = value_in(result->out, workload.value);
    if (!found) return std::move(found).error().with_context(result->err);
    value = *found;
  }
  const double cpu_ms = result->cpu_s * 1e3;
  row.least_cpu_ms = row.values.empty() ? cpu_ms : std::min(row.least_cpu_ms, cpu_ms);
  row.values.push_back(value);
  std::vector<double> sorted = row.values;
  std::sort(sorted.begin(), sorted.end());
  row.least = sorted.front();
  row.median = sorted[sorted.size() / 2];
  return {};
}

/// Kernel memory of the maps a process holds: each descriptor's "memlock" as the kernel accounts it.
std::uint64_t map_bytes(pid_t pid) {
  std::uint64_t total = 0;
  std::set<std::uint64_t> seen;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fdinfo", pid), error)) {
    std::ifstream info(entry.path());
    std::uint64_t bytes = 0, id = 0;
    std::string key;
    while (info >> key) {
      if (key == "memlock:") info >> bytes;
      if (key == "map_id:") info >> id;
    }
    if (id && seen.insert(id).second) total += bytes;
  }
  return total;
}

/// Anonymous memory alone: the tables that leakgate maps are the kernel's, and counted there.
std::uint64_t resident_bytes(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string key; status >> key;) {
    std::uint64_t kibibytes = 0;
    if (key == "RssAnon:" && status >> kibibytes) return kibibytes << 10;
  }
  return 0;
}

Result<Memory> measure_memory(const Contender& leakgate, const Places& places, std::uint64_t blocks) {
  auto command = Command::start(leakgate.wrap({places.work, "hold", std::to_string(blocks)}));
  if (!command) return std::move(command).error();
  if (auto held = command->await_output("held", 120); !held) return std::move(held).error();
  const Memory memory{blocks, map_bytes(command->pid()), resident_bytes(command->pid())};
  if (auto ended = command->wait(120); !ended) return std::move(ended).error();
  return memory;
}

}  // namespace

const Measurement* Measurements::find(const std::string& workload, const std::string& contender) const {
  for (const Measurement& row : all)
    if (row.workload == workload && row.contender == contender) return &row;
  return nullptr;
}

double Measurements::least(const std::string& workload, const std::string& contender) const {
  const Measurement* row = find(workload, contender);
  return row ? row->least : 0;
}

double Measurements::least_cpu_ms(const std::string& workload, const std::string& contender) const {
  const Measurement* row = find(workload, contender);
  return row ? row->least_cpu_ms : 0;
}

Measurements measure(const std::vector<Contender>& contenders, const Places& places,
                     const MeasureOptions& options) {
  Measurements result;
  const std::vector<Workload> all = workloads(places, options);
  for (const Workload& workload : all)
    for (const Contender& contender : contenders)
      if (!workload.without.contains(contender.name) && (workload.value != "" || contender.follows_time))
        result.all.push_back({workload.name, contender.name, workload.unit});
  std::set<std::pair<std::string, std::string>> given_up;
  for (int round = 0; round < options.rounds; ++round) {
    std::fprintf(stderr, "round %d of %d\n", round + 1, options.rounds);
    for (Measurement& row : result.all) {
      if (given_up.contains({row.workload, row.contender})) continue;
      const auto workload =
          std::find_if(all.begin(), all.end(), [&](auto& w) { return w.name == row.workload; });
      const auto contender = std::find_if(contenders.begin(), contenders.end(),
                                          [&](auto& c) { return c.name == row.contender; });
      if (auto done = run_once(*workload, *contender, places, row); !done) {
        result.problems.push_back(
            fmt::format("{}, {}: {}", row.contender, row.workload, done.error().message));
        given_up.insert({row.workload, row.contender});
      }
    }
  }
  for (const Contender& contender : contenders) {
    if (contender.name != kStacks) continue;
    for (const std::uint64_t blocks :
         {std::uint64_t{0}, std::uint64_t{options.quick ? 100'000u : 1'000'000u}}) {
      auto memory = measure_memory(contender, places, blocks);
      if (memory)
        result.memory.push_back(*memory);
      else
        result.problems.push_back(fmt::format("memory with {} blocks: {}", blocks, memory.error().message));
    }
  }
  return result;
}

}  // namespace leakgate::bench
