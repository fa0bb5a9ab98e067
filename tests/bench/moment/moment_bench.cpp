// SPDX-License-Identifier: Apache-2.0
// moment_bench: how long a process is held to be looked at, and what that takes, beside what Valgrind and
// LeakSanitizer take to search the same heap. In: sizes. Out: a table, and JSON lines with --json.
//   moment_bench [--quick] [--large] [--no-peers] [--json]
#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/cost/command.h"

namespace leakgate::bench {
namespace {

using Words = std::vector<std::string>;

struct Heap {
  std::string name;
  Words arguments;  ///< of bench_heap
  double megabytes = 0;
  bool for_peers = true;
};

struct Row {
  double native_s = 0;
  double held_s = 0;
  double whole_s = 0;
  double memory_mb = 0;  ///< leakgate's own, at most
  std::uint64_t found = 0;
  std::uint64_t lost = 0;
  bool complete = false;
  double valgrind_s = -1;  ///< what its leak search adds
  double lsan_s = -1;
};

Words join(Words head, const Words& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

std::uint64_t lost_in(const std::string& output) {
  const auto at = output.find("lost ");
  return at == std::string::npos ? 0 : std::strtoull(output.c_str() + at + 5, nullptr, 10);
}

/// What a process has of its own, in MB: the kernel's ledger, which it maps, is not meant.
double own_mb(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::strtod(line.c_str() + 8, nullptr) / 1e3;
  return 0;
}

Result<double> wall_of(const Words& command) {
  auto result = run_command(command);
  if (!result) return std::move(result).error();
  return result->wall_s;
}

/// Seconds that the leak search adds to a run of `program` under valgrind, or to a LeakSanitizer build.
double search_s(const Words& with, const Words& without) {
  const auto searched = wall_of(with);
  const auto plain = wall_of(without);
  return searched && plain ? *searched - *plain : -1;
}

Result<Row> run_leakgate(const Words& program, const std::string& json) {
  Row row;
  auto command =
      Command::start(join({LEAKGATE_BINARY, "run", "--json", json, "--output", "/dev/null", "--"}, program));
  if (!command) return std::move(command).error();
  bool stop = false;
  std::thread watch([&] {
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
      row.memory_mb = std::max(row.memory_mb, own_mb(command->pid()));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  auto ended = command->wait(600);
  __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
  watch.join();
  if (!ended) return std::move(ended).error();
  row.whole_s = ended->wall_s;
  row.lost = lost_in(ended->out);
  std::ifstream file(json);
  const auto result = nlohmann::json::parse(file, nullptr, false);
  if (result.is_discarded())
    return Error{ErrorKind::target, "leakgate wrote no result: " + ended->err, "", 0};
  row.complete = result["run"]["complete"].get<bool>();
  row.held_s = result["tracer"]["held_s"].get<double>();
  for (const auto& leak : result["leaks"])
    if (leak["kind"] == "definitely_lost" || leak["kind"] == "indirectly_lost")
      row.found += leak["blocks"].get<std::uint64_t>();
  return row;
}

Result<Row> measure(const Heap& heap, bool peers, const std::string& scratch) {
  const Words program = join({LEAKGATE_BENCH_HEAP}, heap.arguments);
  auto native = wall_of(program);
  if (!native) return std::move(native).error();
  auto row = run_leakgate(program, scratch + "/result.json");
  if (!row) return row;
  row->native_s = *native;
  if (!peers || !heap.for_peers) return row;
  const Words valgrind{"valgrind", "-q", "--num-callers=20"};
  if (is_installed("valgrind"))
    row->valgrind_s = search_s(join(join(valgrind, {"--leak-check=summary"}), program),
                               join(join(valgrind, {"--leak-check=no"}), program));
  const Words sanitized = join({LEAKGATE_BENCH_HEAP_LSAN}, heap.arguments);
  row->lsan_s = search_s(join({"env", "LSAN_OPTIONS=exitcode=0:max_leaks=1"}, sanitized),
                         join({"env", "LSAN_OPTIONS=detect_leaks=0"}, sanitized));
  return row;
}

std::string seconds_or_dash(double seconds) {
  return seconds < 0 ? "-" : fmt::format("{:.3f}", seconds);
}

void print(const Heap& heap, const Row& row, bool json) {
  const double speed = row.held_s > 0 ? heap.megabytes / 1e3 / row.held_s : 0;
  if (json) {
    fmt::print("{}\n", nlohmann::json{{"heap", heap.name},
                                      {"native_s", row.native_s},
                                      {"held_s", row.held_s},
                                      {"whole_s", row.whole_s},
                                      {"gb_per_s", speed},
                                      {"memory_mb", row.memory_mb},
                                      {"lost", row.lost},
                                      {"found", row.found},
                                      {"complete", row.complete},
                                      {"valgrind_search_s", row.valgrind_s},
                                      {"lsan_search_s", row.lsan_s}}
                           .dump());
    return;
  }
  fmt::print("{:<34} {:>8.3f} {:>8.3f} {:>8.3f} {:>7.2f} {:>9.0f} {:>10} {:>10}  {}\n", heap.name,
             row.native_s, row.held_s, row.whole_s, speed, row.memory_mb, seconds_or_dash(row.valgrind_s),
             seconds_or_dash(row.lsan_s),
             row.complete && row.found == row.lost
                 ? fmt::format("{} lost, all found", row.lost)
                 : fmt::format("WRONG: {} lost, {} found", row.lost, row.found));
}

/// Tests that each leave one reachable block: what a hold costs.
Status measure_tests(const std::string& scratch, bool json) {
  auto native = wall_of({LEAKGATE_BENCH_KEPT});
  if (!native) return std::move(native).error();
  const auto leakgate = [&](const std::string& moments) {
    return run_command({LEAKGATE_BINARY, "run", "--judged-moments", moments, "--json",
                        scratch + "/result.json", "--output", "/dev/null", "--", LEAKGATE_BENCH_KEPT});
  };
  auto at_exit = leakgate("exit");
  if (!at_exit) return std::move(at_exit).error();
  auto at_tests = leakgate("tests");
  if (!at_tests) return std::move(at_tests).error();
  std::ifstream file(scratch + "/result.json");
  const auto result = nlohmann::json::parse(file, nullptr, false);
  const auto held = result["tracer"]["held_s"].get<double>();
  const double each = (at_tests->wall_s - at_exit->wall_s) * 1e3 / 2000;
  if (json)
    fmt::print("{}\n", nlohmann::json{{"tests", 2000},
                                      {"native_s", *native},
                                      {"at_exit_s", at_exit->wall_s},
                                      {"at_tests_s", at_tests->wall_s},
                                      {"held_s", held},
                                      {"ms_per_test", each}}
                           .dump());
  else
    fmt::print(
        "2,000 tests, each leaves one reachable block: {:.3f} ms a test ({:.2f} s in all, {:.2f} s judged at "
        "the end only, {:.2f} s natively; held {:.2f} s)\n",
        each, at_tests->wall_s, at_exit->wall_s, *native, held);
  return {};
}

std::vector<Heap> heaps(bool quick, bool large) {
  if (quick)
    return {{"10,000 blocks of 48 bytes", {"graph", "10000", "48"}, 0.48},
            {"64 MB in 64 blocks", {"bulk", "64"}, 67.1}};
  std::vector<Heap> all = {{"100,000 blocks of 48 bytes", {"graph", "100000", "48"}, 4.8},
                           {"1,000,000 blocks of 48 bytes", {"graph", "1000000", "48"}, 48},
                           {"1 GiB in 1,024 blocks", {"bulk", "1024"}, 1073.7}};
  if (large) {
    all.push_back({"10,000,000 blocks of 48 bytes", {"graph", "10000000", "48"}, 480, false});
    all.push_back({"10 GiB in 10,240 blocks", {"bulk", "10240"}, 10737.4, false});
  }
  return all;
}

int run(bool quick, bool large, bool peers, bool json) {
  const auto scratch = std::filesystem::temp_directory_path() / fmt::format("moment_bench.{}", getpid());
  std::filesystem::create_directory(scratch);
  if (!json)
    fmt::print("{:<34} {:>8} {:>8} {:>8} {:>7} {:>9} {:>10} {:>10}\n", "heap", "native s", "held s",
               "whole s", "GB/s", "memory MB", "valgrind s", "lsan s");
  int status = 0;
  for (const Heap& heap : heaps(quick, large)) {
    auto row = measure(heap, peers && !quick, scratch);
    if (!row) {
      std::fprintf(stderr, "moment_bench: %s: %s\n", heap.name.c_str(), row.error().message.c_str());
      status = 1;
      continue;
    }
    if (!row->complete || row->found != row->lost) status = 1;
    print(heap, *row, json);
    std::fflush(stdout);
  }
  if (auto done = measure_tests(scratch, json); !done) {
    std::fprintf(stderr, "moment_bench: %s\n", done.error().message.c_str());
    status = 1;
  }
  std::filesystem::remove_all(scratch);
  return status;
}

}  // namespace
}  // namespace leakgate::bench

int main(int argc, char** argv) {
  const std::vector<std::string> options(argv + 1, argv + argc);
  const auto has = [&](const char* name) {
    return std::find(options.begin(), options.end(), name) != options.end();
  };
  return leakgate::bench::run(has("--quick"), has("--large"), !has("--no-peers"), has("--json"));
}
