// SPDX-License-Identifier: Apache-2.0
// The machine, and what the gate costs on it: median of a few runs, with and without the gate in turn.
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "simulator/calibrate/calibration.h"
#include "simulator/calibrate/child.h"

namespace leakgate::simulator {
namespace {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// The value of the first line of `file` that begins with `key`.
std::string value_in(const char* file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    const auto colon = line.find(':');
    const auto start = line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// Nanoseconds of processor time for a pair, as the pairs command prints them.
Result<double> pair_ns(std::vector<std::string> words, std::uint64_t count,
                       const std::vector<std::string>& before) {
  std::vector<std::string> command = before;
  words.insert(words.end(), {"pairs", "--count", std::to_string(count)});
  command.insert(command.end(), words.begin(), words.end());
  const auto done = run_command(command);
  if (!done) return done.error();
  char* end = nullptr;
  const double ns = std::strtod(done->out.c_str(), &end);
  if (done->status != 0 || end == done->out.c_str())
    return Error{ErrorKind::target, "a cost could not be measured", "", 0};
  return ns;
}

}  // namespace

Machine describe_machine(const std::string& leakgate) {
  Machine machine;
  utsname system{};
  ::uname(&system);
  machine.kernel = std::string(system.sysname) + " " + system.release + " " + system.machine;
  machine.processor = value_in("/proc/cpuinfo", "model name");
  machine.processors = std::thread::hardware_concurrency();
  machine.memory_gb = std::strtod(value_in("/proc/meminfo", "MemTotal").c_str(), nullptr) * 1024 / 1e9;
  if (const auto version = run_command({leakgate, "--version"}); version)
    machine.leakgate = first_line(version->out);
#ifdef __clang__
  machine.compiler = "clang " __clang_version__;
#else
  machine.compiler = "GCC " __VERSION__;
#endif
  return machine;
}

Result<Cost> measure_cost(const CalibrationRequest& request, std::vector<std::string>& left_out) {
  const int repeats = request.quick ? 3 : 7;
  const std::uint64_t count = request.quick ? 50'000 : 300'000;
  const std::vector<std::string> sim{find_program("leakgate-sim", {})};
  const std::vector<std::string> gate{request.leakgate, "run",       "--no-policy", "--as-root",
                                      "--output",       "/dev/null", "--"};
  std::vector<std::string> preload = gate;
  preload.insert(preload.end() - 1, {"--backend", "preload"});
  const std::string bench = find_program("leakgate-bench", {"../tests/bench/cost"});
  const std::vector<std::string> empty{bench, "--empty-probes", "planned", "--"};
  std::vector<double> native, traced, floor, preloaded, nothing, gated, verdict, memory;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (const auto& [before, into] :
         {std::pair{std::vector<std::string>{}, &native}, {gate, &traced}, {empty, &floor}}) {
      if (&floor == into && bench.empty()) continue;
      const auto ns = pair_ns(sim, count, before);
      if (!ns) return ns.error();
      into->push_back(*ns);
    }
    if (const auto ns = pair_ns(sim, count, preload); ns) preloaded.push_back(*ns);
    const auto bare = run_command({sim[0], "pairs", "--count", "1"});
    if (!bare) return bare.error();
    nothing.push_back(bare->wall_ms);
    for (const auto& [command, into] : {std::pair{std::vector<std::string>{"pairs", "--count", "1"}, &gated},
                                        {{"run", "plain_new"}, &verdict}}) {
      std::vector<std::string> words = gate;
      words.push_back(sim[0]);
      words.insert(words.end(), command.begin(), command.end());
      const auto done = run_command(words);
      if (!done) return done.error();
      into->push_back(done->wall_ms);
      memory.push_back(done->memory_mb);
    }
  }
  Cost cost;
  cost.native_ns = median(native);
  cost.traced_ns = median(traced) - cost.native_ns;
  if (bench.empty())
    left_out.emplace_back("leakgate-bench is not there: no floor, that is, no cost of empty probes");
  else
    cost.floor_ns = median(floor) - cost.native_ns;
  if (preloaded.empty())
    left_out.emplace_back("the preload backend does not work here: no cost of it");
  else
    cost.preload_ns = median(preloaded) - cost.native_ns;
  cost.fixed_ms = median(gated) - median(nothing);
  cost.verdict_ms = median(verdict);
  cost.memory_mb = *std::max_element(memory.begin(), memory.end());
  return cost;
}

}  // namespace leakgate::simulator
