// SPDX-License-Identifier: Apache-2.0
// Histograms of ages; see ages.h.
#include "harness/model/ages.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace leakgate::model {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;

/// Below this many rows it does not pay to look for equal ones.
constexpr std::size_t kFewRows = 512;

}  // namespace

std::size_t age_bucket(std::uint64_t age_ms) {
  return static_cast<std::size_t>(std::bit_width(age_ms));
}

void BirthTimes::add(std::uint64_t born_ns) {
  if (!rows_.empty() && rows_.back().born_ns == born_ns) {
    ++rows_.back().blocks;
    return;
  }
  rows_.push_back({born_ns, 1});
  if (rows_.size() >= 2 * std::max(merged_rows_, kFewRows)) merge_equal();
}

void BirthTimes::merge_equal() {
  std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.born_ns < b.born_ns; });
  std::size_t kept = 0;
  for (std::size_t i = 1; i < rows_.size(); ++i) {
    if (rows_[i].born_ns == rows_[kept].born_ns)
      rows_[kept].blocks += rows_[i].blocks;
    else
      rows_[++kept] = rows_[i];
  }
  rows_.resize(kept + 1);
  merged_rows_ = rows_.size();
}

AgeHistogram BirthTimes::ages_at(std::uint64_t end_ns) const {
  AgeHistogram ages;
  for (const Row& row : rows_) {
    const std::size_t bucket = age_bucket(end_ns > row.born_ns ? (end_ns - row.born_ns) / kNsPerMs : 0);
    if (ages.size() <= bucket) ages.resize(bucket + 1);
    ages[bucket] += row.blocks;
  }
  return ages;
}

AgeHistogram ages_of(const BlockGroup& group) {
  if (!group.age_log2_ms.empty()) return group.age_log2_ms;
  const std::size_t bucket = age_bucket(group.age_max_ms);
  if (group.blocks == 0 || bucket != age_bucket(group.age_min_ms)) return {};
  AgeHistogram ages(bucket + 1);
  ages.back() = group.blocks;
  return ages;
}

void add_ages(AgeHistogram& sum, const AgeHistogram& more) {
  if (sum.empty() || more.empty()) return sum.clear();
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  if (sum.size() < more.size()) sum.resize(more.size());
  for (std::size_t i = 0; i < more.size(); ++i)
    sum[i] = more[i] > kMax - sum[i] ? kMax : sum[i] + more[i];
}

}  // namespace leakgate::model
