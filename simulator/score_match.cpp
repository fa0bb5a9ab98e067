// SPDX-License-Identifier: Apache-2.0
// Matching reported leaks to true ones: see the header. Pure; the inputs outlive the Matching.
#include "simulator/score_match.h"

#include <algorithm>

namespace leakgate::simulator {
namespace {

bool frame_is(const ReportedFrame& frame, const TruthLeak& leak) {
  return frame.line == leak.line && same_function(frame.function, leak.function) &&
         same_file(frame.file, leak.file);
}

bool test_fits(const ReportedLeak& row, const TruthLeak& leak) {
  return !leak.test || row.test == *leak.test;
}

bool same_group(const TruthLeak& left, const TruthLeak& right) {
  return left.child == right.child && left.line == right.line && left.function == right.function &&
         left.file == right.file && left.test == right.test;
}

std::vector<TruthGroup> group(const Truth& truth) {
  std::vector<TruthGroup> groups;
  for (const TruthLeak& leak : truth.leaks) {
    auto known = std::find_if(groups.begin(), groups.end(), [&](const TruthGroup& candidate) {
      return same_group(*candidate.first, leak);
    });
    if (known == groups.end()) {
      groups.emplace_back();
      known = groups.end() - 1;
      known->first = &leak;
    }
    known->blocks += leak.blocks;
    known->bytes += leak.bytes;
    known->must_fail |= leak.cycle || leak.kind == "definitely_lost" || leak.kind == "possibly_lost";
    known->bytes_by_kind[leak.cycle ? "cycle" : leak.kind] += leak.bytes;
  }
  return groups;
}

}  // namespace

bool is_at_site(const ReportedLeak& row, const TruthLeak& leak) {
  if (row.site) return *row.site < row.stack.size() && frame_is(row.stack[*row.site], leak);
  return std::any_of(row.stack.begin(), row.stack.end(),
                     [&](const ReportedFrame& frame) { return frame_is(frame, leak); });
}

Matching match(const Truth& truth, const ReportedResult& result) {
  Matching matching;
  matching.groups = group(truth);
  for (const ReportedLeak& row : result.leaks) {
    matching.unmatched.push_back(&row);
  }
  // Each pass takes the rows that fit a group in its sense, and marks the group with what did not fit.
  const auto take = [&matching](auto fits, bool TruthGroup::*flaw) {
    std::erase_if(matching.unmatched, [&](const ReportedLeak* row) {
      for (TruthGroup& candidate : matching.groups) {
        if (!fits(*row, candidate)) continue;
        candidate.rows.push_back(row);
        if (flaw != nullptr) candidate.*flaw = true;
        return true;
      }
      return false;
    });
  };
  take(
      [](const ReportedLeak& row, const TruthGroup& candidate) {
        const TruthLeak& leak = *candidate.first;
        return row.child == leak.child && test_fits(row, leak) && is_at_site(row, leak);
      },
      nullptr);
  take(
      [](const ReportedLeak& row, const TruthGroup& candidate) {
        return candidate.rows.empty() && row.child == candidate.first->child &&
               is_at_site(row, *candidate.first);
      },
      &TruthGroup::wrong_test);
  take(
      [](const ReportedLeak& row, const TruthGroup& candidate) {
        return candidate.rows.empty() && row.child != candidate.first->child &&
               is_at_site(row, *candidate.first);
      },
      &TruthGroup::wrong_process);
  take(
      [](const ReportedLeak& row, const TruthGroup& candidate) {
        const TruthLeak& leak = *candidate.first;
        return candidate.rows.empty() && row.child == leak.child && test_fits(row, leak) &&
               row.bytes == candidate.bytes && row.blocks == candidate.blocks;
      },
      &TruthGroup::wrong_site);
  return matching;
}

}  // namespace leakgate::simulator
