// SPDX-License-Identifier: Apache-2.0
// Comparing and ratcheting; see baseline.h.
#include "harness/judge/baseline.h"

#include <algorithm>
#include <set>

namespace leakgate::judge {
namespace {

using model::BaselineState;

BaselineState state_of(const model::BaselineRow& row) {
  if (row.bytes > row.accepted_bytes || row.blocks > row.accepted_blocks) return BaselineState::grown;
  if (row.bytes < row.accepted_bytes || row.blocks < row.accepted_blocks) return BaselineState::shrunk;
  return BaselineState::unchanged;
}

void add_to(std::uint64_t& total, std::uint64_t value) {
  total = value > ~total ? ~0ull : total + value;
}

}  // namespace

std::vector<model::BaselineRow> compare(const Baseline& baseline, const std::vector<BaselineLeak>& leaks,
                                        const std::vector<std::string_view>& tests_run) {
  std::map<BaselineKey, model::BaselineRow> rows;
  for (const auto& leak : leaks) {
    auto& row = rows[{std::string(leak.test), std::string(leak.fingerprint)}];
    row.test = leak.test;
    row.fingerprint = leak.fingerprint;
    add_to(row.bytes, leak.bytes);
    add_to(row.blocks, leak.blocks);
  }
  for (auto& [key, row] : rows) {
    const auto known = baseline.entries.find(key);
    if (known == baseline.entries.end()) {
      row.state = BaselineState::added;
      continue;
    }
    row.accepted_bytes = known->second.bytes;
    row.accepted_blocks = known->second.blocks;
    row.state = state_of(row);
  }
  const std::set<std::string_view> run(tests_run.begin(), tests_run.end());
  for (const auto& [key, entry] : baseline.entries)
    if (rows.count(key) == 0 && run.count(key.first) != 0)
      rows.emplace(key, model::BaselineRow{key.first, key.second, entry.site, BaselineState::absent, 0, 0,
                                           entry.bytes, entry.blocks});
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
    entry.bytes = row.bytes;
    entry.blocks = row.blocks;
    if (!row.site.empty()) entry.site = row.site;
    if (row.state == BaselineState::added || row.state == BaselineState::grown) entry.reason = reason;
  }
  return baseline;
}

}  // namespace leakgate::judge
