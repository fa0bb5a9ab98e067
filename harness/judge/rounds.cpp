// SPDX-License-Identifier: Apache-2.0
// See rounds.h.
#include "harness/judge/rounds.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "harness/base/saturated.h"

namespace leakgate::judge {
namespace {

Amount share_of(const Amount& all, std::uint64_t rounds) {
  if (rounds < 2 || all.blocks % rounds != 0) return all;
  return {all.bytes / rounds + (all.bytes % rounds != 0 ? 1 : 0), all.blocks / rounds};
}

std::vector<const model::Test*> tests_of(const model::Recording& recording) {
  std::vector<const model::Test*> tests;
  for (const auto& test : recording.tests)
    tests.push_back(&test);
  return tests;
}

std::vector<const model::Test*> tests_of(const model::Verdict& verdict) {
  std::vector<const model::Test*> tests;
  for (const auto& judged : verdict.tests)
    tests.push_back(&judged.test);
  return tests;
}

}  // namespace

void Amount::add(const Amount& other) {
  bytes = add_saturated(bytes, other.bytes);
  blocks = add_saturated(blocks, other.blocks);
}

Rounds::Rounds(const model::Recording& recording) : Rounds(tests_of(recording)) {}

Rounds::Rounds(const model::Verdict& verdict) : Rounds(tests_of(verdict)) {}

Rounds::Rounds(const std::vector<const model::Test*>& tests)
    : series_(tests.size()), shared_by_(tests.size(), 1) {
  // Catch2 lets tests of other tags, doctest those of other suites, have the same name: their places differ
  std::map<std::tuple<std::uint32_t, std::string_view, std::string_view, std::uint32_t>, std::uint32_t>
      series;
  std::map<std::uint32_t, std::uint64_t> windows_of, most_in;  // by series, by process
  for (std::size_t i = 0; i < tests.size(); ++i) {
    const auto next = static_cast<std::uint32_t>(series.size());
    const model::Test& test = *tests[i];
    series_[i] = series.try_emplace({test.process, test.id, test.file, test.line}, next).first->second;
    auto& most = most_in[tests[i]->process];
    most = std::max(most, ++windows_of[series_[i]]);
  }
  for (std::size_t i = 0; i < tests.size(); ++i)
    if (tests[i]->outside) shared_by_[i] = most_in[tests[i]->process];
}

Amount RunAmount::total(const Rounds& rounds) const {
  std::map<std::uint32_t, Amount> largest;  // by series
  for (const auto& [window, amount] : by_window_) {
    const Amount one = share_of(amount, rounds.shared_by(window));
    Amount& most = largest[rounds.series_of(window)];
    most = {std::max(most.bytes, one.bytes), std::max(most.blocks, one.blocks)};
  }
  Amount sum;
  for (const auto& [series, amount] : largest)
    sum.add(amount);
  return sum;
}

}  // namespace leakgate::judge
