// SPDX-License-Identifier: Apache-2.0
// Ratios of what is added over native, all within one run: absolute times of a noisy machine say little.
#include "tests/bench/cost/figures.h"

#include <fmt/format.h>

namespace leakgate::bench {
namespace {

constexpr double kTestCount = 2000;

struct Added {
  const Measurements& measured;
  double operator()(const char* workload, const char* contender) const {
    return measured.least(workload, contender) - measured.least(workload, kNative);
  }
  [[nodiscard]] bool has(const char* workload, const char* contender) const {
    return measured.least(workload, contender) > 0 && measured.least(workload, kNative) > 0;
  }
};

void add_pair_figures(const Added& added, std::vector<Figure>& figures) {
  if (!added.has(kPairs, kFloor) || added(kPairs, kFloor) <= 0) return;
  const double floor = added(kPairs, kFloor);
  const auto over_floor = [&](const char* name, const char* contender, double target) {
    if (!added.has(kPairs, contender)) return;
    const double ns = added(kPairs, contender);
    figures.push_back(
        {name, ns / floor, "x", target, false, fmt::format("{:.0f} ns over {:.0f} ns", ns, floor)});
  };
  over_floor("a malloc/free pair without stacks, over the floor", kNoStacks, 1.25);
  over_floor("a malloc/free pair with a 20-frame stack, over the floor", kStacks, 1.6);
  const auto entry_over = [&](const char* name, const char* contender) {
    if (!added.has(kPairs, kEntry) || !added.has(kPairs, contender)) return;
    const double entry = added(kPairs, kEntry);
    const double ns = added(kPairs, contender);
    figures.push_back({name, entry / ns, "x", 4, true, fmt::format("{:.0f} ns over {:.0f} ns", entry, ns)});
  };
  entry_over("empty probes at function entries, over a pair without stacks", kNoStacks);
  entry_over("empty probes at function entries, over a pair with a 20-frame stack", kStacks);
}

void add_fixed_figures(const Added& added, std::vector<Figure>& figures) {
  if (added.has(kTrue, kStacks))
    figures.push_back({"fixed cost of `leakgate run -- /bin/true`", added(kTrue, kStacks), "ms", 150, false,
                       fmt::format("{:.1f} ms natively", added.measured.least(kTrue, kNative))});
  if (added.has(kSpawn, kStacks))
    figures.push_back({"each further process of a known program", added(kSpawn, kStacks), "ms", 15, false,
                       fmt::format("{:.1f} ms natively", added.measured.least(kSpawn, kNative))});
  if (added.has(kSpawnNew, kStacks))
    figures.push_back({"each further process of a new program", added(kSpawnNew, kStacks), "ms", 15, false,
                       fmt::format("{:.1f} ms natively", added.measured.least(kSpawnNew, kNative))});
}

/// What 1,999 further tests take, less what their allocations take at the price of a pair. Processor time, of
/// leakgate too: it does its part while the tests run.
void add_test_figure(const Added& added, std::vector<Figure>& figures) {
  const Measurement* many = added.measured.find(kTests, kStacks);
  const Measurement* one = added.measured.find(kOneTest, kStacks);
  if (!many || !one || !added.has(kTests, kStacks) || !added.has(kOneTest, kStacks)) return;
  const auto added_cpu = [&](const char* workload) {
    return added.measured.least_cpu_ms(workload, kStacks) - added.measured.least_cpu_ms(workload, kNative);
  };
  const double us = (added_cpu(kTests) - added_cpu(kOneTest)) * 1e3 / (kTestCount - 1);
  const double pairs =
      static_cast<double>(many->allocations - std::min(many->allocations, one->allocations)) /
      (kTestCount - 1);
  const double pair_us = added(kPairs, kStacks) / 1e3;
  figures.push_back({"a test with nothing outstanding, on top of its allocations", us - pairs * pair_us, "us",
                     50, false,
                     fmt::format("{:.0f} us, {:.1f} allocations of {:.1f} us", us, pairs, pair_us)});
}

void add_memory_figure(const Measurements& measured, const char* contender, const char* name, double target,
                       std::vector<Figure>& figures) {
  const Memory* empty = nullptr;
  const Memory* full = nullptr;
  for (const Memory& row : measured.memory)
    if (row.contender == contender) (row.blocks ? full : empty) = &row;
  if (!empty || !full) return;
  const auto blocks = static_cast<double>(full->blocks);
  const double grown = static_cast<double>(full->kernel_bytes + full->user_bytes) -
                       static_cast<double>(empty->kernel_bytes + empty->user_bytes);
  figures.push_back(
      {name, grown / blocks, "bytes", target, false,
       fmt::format("{:.1f} + {:.1f} MB with {} blocks, {:.1f} + {:.1f} MB with none",
                   static_cast<double>(full->kernel_bytes) / 1e6, static_cast<double>(full->user_bytes) / 1e6,
                   full->blocks, static_cast<double>(empty->kernel_bytes) / 1e6,
                   static_cast<double>(empty->user_bytes) / 1e6)});
}

}  // namespace

std::vector<Figure> compute_figures(const Measurements& measured) {
  std::vector<Figure> figures;
  const Added added{measured};
  add_pair_figures(added, figures);
  add_fixed_figures(added, figures);
  add_test_figure(added, figures);
  add_memory_figure(measured, kStacks, "kernel and user memory per live block", 128, figures);
  for (Figure& figure : compute_preload_figures(measured))
    figures.push_back(std::move(figure));
  add_memory_figure(measured, kPreload, "preload: memory per live block", 96, figures);
  return figures;
}

}  // namespace leakgate::bench
