// SPDX-License-Identifier: Apache-2.0
// Features, and the model over them; see confidence.h.
#include "harness/judge/confidence.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "harness/judge/confidence_model.h"

namespace leakgate::judge {
namespace {

using model::Kind;

constexpr std::size_t index_of(std::string_view name) {
  for (std::size_t i = 0; i < kFeatures.size(); ++i)
    if (kFeatures[i] == name) return i;
  return kFeatures.size();
}

constexpr bool is_model_of_these_features() {
  for (std::size_t i = 0; i < kFeatures.size(); ++i)
    if (kModelFeatures[i] != kFeatures[i]) return false;
  return kModelFeatures.size() == kFeatures.size();
}
static_assert(is_model_of_these_features(), "confidence_model.json is of other features: fit it again");

/// In how many rounds of its test a site left something that is not reachable.
class Rounds {
 public:
  Rounds(const std::vector<Candidate>& candidates, const model::Recording& recording)
      : recording_(recording) {
    for (const model::Test& test : recording.tests)
      if (!test.outside) ++rounds_[{test.process, test.id}];
    for (const Candidate& candidate : candidates)
      if (candidate.leak.kind != Kind::still_reachable) tests_[key(candidate)].insert(candidate.leak.test);
  }
  [[nodiscard]] std::size_t of(const Candidate& candidate) const {
    const model::Test& test = recording_.tests[candidate.leak.test];
    const auto it = rounds_.find({test.process, test.id});
    return it == rounds_.end() ? 0 : it->second;
  }
  [[nodiscard]] double share(const Candidate& candidate) const {
    return static_cast<double>(tests_.at(key(candidate)).size()) / static_cast<double>(of(candidate));
  }

 private:
  using Key = std::tuple<std::uint32_t, std::string_view, std::string_view>;
  [[nodiscard]] Key key(const Candidate& candidate) const {
    const model::Test& test = recording_.tests[candidate.leak.test];
    return {test.process, test.id, candidate.leak.fingerprint};
  }
  const model::Recording& recording_;
  std::map<std::pair<std::uint32_t, std::string_view>, std::size_t> rounds_;
  std::map<Key, std::set<std::uint32_t>> tests_;
};

/// The share of freed blocks that lived shorter than `age_ms`, by the buckets that lie below it.
double share_outlived(const model::Stack& history, std::uint64_t age_ms) {
  double shorter = 0, all = 0;
  for (std::size_t bucket = 0; bucket < history.lifetime_log2_ms.size(); ++bucket) {
    const auto count = static_cast<double>(history.lifetime_log2_ms[bucket]);
    all += count;
    if (bucket < 63 && (std::uint64_t{1} << bucket) <= std::max<std::uint64_t>(age_ms, 1)) shorter += count;
  }
  return all > 0 ? shorter / all : 0;
}

class FeatureRow {
 public:
  double& operator[](std::string_view name) { return row_[index_of(name)]; }
  [[nodiscard]] const Features& row() const { return row_; }

 private:
  Features row_{};
};

Features features_of_one(const Candidate& candidate, const Growth& growth, const Rounds& rounds) {
  const model::Leak& leak = candidate.leak;
  const auto yes = [](bool is) { return is ? 1.0 : 0.0; };
  const bool reachable = leak.kind == Kind::still_reachable;
  const std::size_t times = rounds.of(candidate);
  const double blocks = std::log2(static_cast<double>(std::max<std::uint64_t>(leak.blocks, 1))) / 10;
  FeatureRow row;
  row["constant"] = 1;
  row["indirectly_lost"] = yes(leak.kind == Kind::indirectly_lost);
  row["possibly_lost"] = yes(leak.kind == Kind::possibly_lost);
  row["still_reachable"] = yes(reachable);
  row["cycle"] = yes(leak.cycle);
  row["grows"] = yes(growth.grows());
  row["undecided"] = yes(growth.pattern == GrowthPattern::undecided);
  row["settles"] =
      yes(growth.pattern == GrowthPattern::one_time || growth.pattern == GrowthPattern::replaced ||
          growth.pattern == GrowthPattern::saturating);
  if (!reachable && times >= kFewestRounds) {
    row["repeated"] = 1;
    row["repeated_share"] = rounds.share(candidate);
  }
  row["never_freed"] = 1;
  if (const model::Stack* history = leak.stack.history(); history != nullptr && history->allocations > 0) {
    const double freed = static_cast<double>(std::min(history->frees, history->allocations)) /
                         static_cast<double>(history->allocations);
    row["never_freed"] = 1 - freed;
    row["outlives"] = share_outlived(*history, leak.age_min_ms);
  }
  row["blocks"] = blocks;
  row["reachable_blocks"] = reachable && times < kFewestRounds ? blocks : 0;
  row["lost_at_end"] = yes(leak.lost_at_end);
  const bool no_line = leak.site >= leak.stack.size() || leak.stack[leak.site].line == 0;
  row["no_line"] = yes(no_line);
  row["reachable_no_line"] = yes(no_line && reachable);
  return row.row();
}

}  // namespace

std::vector<Features> features_of(const std::vector<Candidate>& candidates, const std::vector<Growth>& growth,
                                  const model::Recording& recording) {
  const Rounds rounds(candidates, recording);
  std::vector<Features> rows;
  rows.reserve(candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i)
    rows.push_back(features_of_one(candidates[i], growth[i], rounds));
  return rows;
}

double confidence_of(const Features& features, Kind kind) {
  const LogisticModel& model = kind == Kind::unclassified ? kModelWithoutKinds : kModel;
  double score = 0;
  for (std::size_t i = 0; i < features.size(); ++i)
    score += model.coefficients[i] * features[i];
  const double probability = 1 / (1 + std::exp(-(model.platt_slope * score + model.platt_offset)));
  return std::clamp(probability, kLeastConfidence, 1 - kLeastConfidence);
}

void set_confidence(std::vector<Candidate>& candidates, const std::vector<Growth>& growth,
                    const model::Recording& recording) {
  const std::vector<Features> rows = features_of(candidates, growth, recording);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    model::Leak& leak = candidates[i].leak;
    leak.confidence = candidates[i].kept_by.empty() ? confidence_of(rows[i], leak.kind) : 0;
  }
}

}  // namespace leakgate::judge
