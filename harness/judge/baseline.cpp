// SPDX-License-Identifier: Apache-2.0
// Comparing and ratcheting; see baseline.h.
#include "harness/judge/baseline.h"

#include <algorithm>

#include "harness/base/saturated.h"
#include "harness/model/names.h"

namespace leakgate::judge {
namespace {

using model::BaselineState;

BaselineState state_of(const model::BaselineRow& row) {
  if (row.bytes > row.accepted_bytes || row.blocks > row.accepted_blocks) return BaselineState::grown;
  if (row.bytes < row.accepted_bytes || row.blocks < row.accepted_blocks) return BaselineState::shrunk;
  return BaselineState::unchanged;
}

/// Whether a run was whole for an entry.
bool is_whole(const BaselineKey& key, const BaselineEntry& entry, const WholeRuns& whole) {
  const bool in_test = key.first != model::kOutsideTests;
  if (entry.programs.empty()) return in_test && whole.tests.count(key.first) != 0;
  return std::all_of(entry.programs.begin(), entry.programs.end(), [&](const std::string& program) {
    return in_test ? whole.tests_of_programs.count({program, key.first}) != 0
                   : whole.programs.count(program) != 0;
  });
}

std::map<BaselineKey, model::BaselineRow> sum_up(const std::vector<BaselineLeak>& leaks) {
  std::map<BaselineKey, model::BaselineRow> rows;
  for (const auto& leak : leaks) {
    auto& row = rows[{std::string(leak.test), std::string(leak.fingerprint)}];
    row.test = leak.test;
    row.fingerprint = leak.fingerprint;
    row.programs.insert(leak.programs.begin(), leak.programs.end());
    add_to(row.bytes, leak.bytes);
    add_to(row.blocks, leak.blocks);
  }
  return rows;
}

}  // namespace

std::vector<model::BaselineRow> compare(const Baseline& baseline, const std::vector<BaselineLeak>& leaks,
                                        const WholeRuns& whole) {
  std::map<BaselineKey, model::BaselineRow> rows = sum_up(leaks);
  for (auto& [key, row] : rows) {
    const auto known = baseline.entries.find(key);
    if (known == baseline.entries.end()) {
      row.state = BaselineState::added;
      continue;
    }
    row.accepted_bytes = known->second.bytes;
    row.accepted_blocks = known->second.blocks;
    row.state = state_of(row);
    row.whole = is_whole(key, known->second, whole);
  }
  for (const auto& [key, entry] : baseline.entries)
    if (rows.count(key) == 0 && is_whole(key, entry, whole))
      rows.emplace(key, model::BaselineRow{key.first,
                                           key.second,
                                           entry.site,
                                           BaselineState::absent,
                                           0,
                                           0,
                                           entry.bytes,
                                           entry.blocks,
                                           true,
                                           {}});
  std::vector<model::BaselineRow> result;
  result.reserve(rows.size());
  for (auto& [key, row] : rows)
    result.push_back(std::move(row));
  return result;
}

Baseline updated(Baseline baseline, const std::vector<model::BaselineRow>& diff, const std::string& reason) {
  for (const auto& row : diff) {
    const BaselineKey key{row.test, row.fingerprint};
    if (row.state == BaselineState::absent) {
      baseline.entries.erase(key);
      continue;
    }
    auto& entry = baseline.entries[key];
    // a program that is not known to leak it is not told from one that was not run
    const bool has_all = row.bytes >= entry.bytes && row.blocks >= entry.blocks;
    if (row.whole) entry.programs.clear();
    if (row.whole || has_all) entry.programs.insert(row.programs.begin(), row.programs.end());
    entry.bytes = row.whole ? row.bytes : std::max(entry.bytes, row.bytes);
    entry.blocks = row.whole ? row.blocks : std::max(entry.blocks, row.blocks);
    if (!row.site.empty()) entry.site = row.site;
    if (row.state == BaselineState::added || row.state == BaselineState::grown) entry.reason = reason;
  }
  return baseline;
}

}  // namespace leakgate::judge
