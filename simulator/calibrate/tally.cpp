// SPDX-License-Identifier: Apache-2.0
// Adding up. See tally.h.
#include "simulator/calibrate/tally.h"

#include <algorithm>
#include <cmath>

namespace leakgate::simulator {
namespace {

constexpr std::size_t kFaultsKept = 5;
constexpr double kZ = 1.959963984540054;  // of 95 %, two-sided

}  // namespace

Interval wilson(const Rate& rate) {
  if (rate.of == 0) return {};
  const auto n = static_cast<double>(rate.of);
  const double p = rate.value();
  const double z2 = kZ * kZ;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  // at the ends the formula gives 0 and 1 but for rounding
  return {rate.hits == 0 ? 0 : std::max(0.0, centre - half),
          rate.hits == rate.of ? 1 : std::min(1.0, centre + half)};
}

ScenarioRow& Tally::row_of(const std::string& program, const std::string& name, const std::string& family,
                           bool leaking) {
  const std::string key = program + " " + name + (leaking ? " leaking" : " clean");
  const auto [place, fresh] = index_.emplace(key, rows.size());
  if (fresh) {
    ScenarioRow row;
    row.name = name;
    row.family = family;
    row.program = program;
    row.leaking = leaking;
    rows.push_back(std::move(row));
  }
  return rows[place->second];
}

void Tally::add(const std::string& program, const std::string& name, const std::string& family, bool leaking,
                bool in_test, const Score& score) {
  ScenarioRow& row = row_of(program, name, family, leaking);
  ++row.runs;
  row.false_alarms += score.false_positives;
  row.wrong_bytes += score.wrong_bytes;
  row.wrong_test += score.wrong_test;
  row.wrong_site += score.wrong_site;
  row.wrong_process += score.wrong_process;
  row.wrong_kind += score.wrong_kind;
  row.bytes_true += score.bytes_true;
  row.bytes_reported += score.bytes_reported;
  row.incomplete += score.complete ? 0 : 1;
  for (const std::string& fault : score.faults)
    if (row.faults.size() < kFaultsKept) row.faults.push_back(fault);
  incomplete += score.complete ? 0 : 1;
  false_alarms += score.false_positives;
  if (!leaking) alarmed.add(score.false_positives > 0);
  for (const GroupScore& group : score.groups) {
    row.groups.add(group.found);
    by_kind[group.kind].add(group.found);
    if (group.must_fail) found.add(group.found);
    if (group.must_fail && group.bytes > 1024) found_1k.add(group.found);
    if (!group.found) continue;
    exact.add(group.right_bytes);
    if (in_test) right_test.add(group.right_test);
    right_site.add(group.right_site);
    right_process.add(group.right_process);
    right_kind.add(group.right_kind);
    kind_right[group.kind].add(group.right_kind);
  }
}

}  // namespace leakgate::simulator
