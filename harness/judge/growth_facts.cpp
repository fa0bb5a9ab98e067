// SPDX-License-Identifier: Apache-2.0
// What reports show of growth. See growth.h.
#include <algorithm>

#include "harness/base/saturated.h"
#include "harness/judge/growth.h"

namespace leakgate::judge {
namespace {

constexpr std::size_t kMostPoints = 240;  // of a chart; more rounds are summed up

}  // namespace

std::shared_ptr<model::LeakGrowth> growth_facts(const Growth& growth) {
  if (growth.pattern == GrowthPattern::none) return nullptr;
  auto facts = std::make_shared<model::LeakGrowth>();
  facts->pattern = growth.pattern;
  facts->rounds = growth.rounds;
  facts->rounds_adding = growth.rounds_adding;
  facts->slope_bytes = growth.slope_bytes;
  facts->rounds_per_point =
      std::max<std::size_t>(1, (growth.added_bytes.size() + kMostPoints - 1) / kMostPoints);
  facts->added_bytes.resize((growth.added_bytes.size() + facts->rounds_per_point - 1) /
                            facts->rounds_per_point);
  for (std::size_t round = 0; round < growth.added_bytes.size(); ++round) {
    std::uint64_t& point = facts->added_bytes[round / facts->rounds_per_point];
    point = add_saturated(point, growth.added_bytes[round]);
  }
  return facts;
}

}  // namespace leakgate::judge
