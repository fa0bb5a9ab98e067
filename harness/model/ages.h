// SPDX-License-Identifier: Apache-2.0
// How old outstanding blocks are: a histogram over powers of two of milliseconds, with the buckets that
// lifetimes of freed blocks have. In: times of allocation, and later the moment that ages are counted to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "harness/model/recording.h"

namespace leakgate::model {

/// Bucket n: how many are, or were, under 2^n ms old. Without trailing zeros; empty: not known.
using AgeHistogram = std::vector<std::uint64_t>;

/// The bucket of an age.
std::size_t age_bucket(std::uint64_t age_ms);

/// When the blocks of a group were allocated. Exact, because the moment that ages are counted to is known
/// only after the group has been summed up; blocks of one time take one row.
class BirthTimes {
 public:
  void add(std::uint64_t born_ns);
  /// Ages at `end_ns`; of what was born later: 0.
  [[nodiscard]] AgeHistogram ages_at(std::uint64_t end_ns) const;
  /// How much is held: rows, not blocks.
  [[nodiscard]] std::size_t rows() const { return rows_.size(); }

 private:
  struct Row {
    std::uint64_t born_ns;
    std::uint64_t blocks;
  };
  void merge_equal();

  std::vector<Row> rows_;
  std::size_t merged_rows_ = 0;  ///< after the last time that equal ones were merged
};

/// The histogram of a group, from a recording of any age: one without a histogram has none only where the
/// youngest and the oldest block are in different buckets.
AgeHistogram ages_of(const BlockGroup& group);

/// Adds what `more` counts to `sum`; of two, one unknown makes the sum unknown. Counts stay at their maximum.
void add_ages(AgeHistogram& sum, const AgeHistogram& more);

}  // namespace leakgate::model
