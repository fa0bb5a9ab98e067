// SPDX-License-Identifier: Apache-2.0
// The rounds over the workloads, and the memory of a run that holds many blocks.
#include "tests/bench/cost/measure.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/bench/cost/command.h"

namespace leakgate::bench {
namespace {

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

/// Memory of the file that leakgate shares with processes: it is sparse, and takes what was written.
std::uint64_t ledger_bytes(pid_t pid) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), error)) {
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    struct stat status {};
    if (!error && target.starts_with("/memfd:leakgate-ledger") && ::stat(entry.path().c_str(), &status) == 0)
      return static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return 0;
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
  const pid_t pid = command->pid();
  const Memory memory{leakgate.name, blocks, map_bytes(pid) + ledger_bytes(pid), resident_bytes(pid)};
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
  const std::vector<Workload> all = make_workloads(places, options);
  for (const Workload& workload : all)
    for (const Contender& contender : contenders)
      if (workload.is_for(contender)) result.all.push_back({workload.name, contender.name, workload.unit});
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
    if (!options.only.empty() || (contender.name != kStacks && contender.name != kPreload)) continue;
    for (const std::uint64_t blocks :
         {std::uint64_t{0}, std::uint64_t{options.quick ? 100'000u : 1'000'000u}}) {
      auto memory = measure_memory(contender, places, blocks);
      if (memory)
        result.memory.push_back(*memory);
      else
        result.problems.push_back(
            fmt::format("{}, memory with {} blocks: {}", contender.name, blocks, memory.error().message));
    }
  }
  return result;
}

}  // namespace leakgate::bench
