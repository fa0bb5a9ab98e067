// SPDX-License-Identifier: Apache-2.0
// See growth_told.h.
#include "simulator/calibrate/growth_told.h"

#include <algorithm>

namespace leakgate::simulator {
namespace {

constexpr std::size_t kFaultsKept = 3;

/// The document's own site decides where it names one; otherwise the function has to be in the stack.
bool is_at(const ReportedLeak& leak, const char* function) {
  const auto fits = [&](const ReportedFrame& frame) { return same_function(frame.function, function); };
  if (leak.site) return *leak.site < leak.stack.size() && fits(leak.stack[*leak.site]);
  return std::any_of(leak.stack.begin(), leak.stack.end(), fits);
}

/// What the gate did with `test`; empty: what it should.
std::string fault_of(const ReportedResult& result, const GrowthCase& growth, bool grows,
                     const std::string& test) {
  if (!result.complete) return "the trace is incomplete";
  bool failed = false;
  for (const ReportedLeak& leak : result.leaks) {
    if (leak.test != test || leak.verdict != "fail") continue;
    if (!grows) return "told as growth: " + std::to_string(leak.bytes) + " bytes of the last round";
    if (!is_at(leak, growth.function)) return "another site fails than " + std::string(growth.function);
    failed = true;
  }
  return grows && !failed ? "not told as growth" : "";
}

}  // namespace

void GrowthTally::add(const ReportedResult& result, std::uint64_t seed) {
  std::size_t row = 0;
  for (const GrowthCase& growth : growth_cases()) {
    for (const bool grows : {true, false}) {
      if (row == rows.size()) rows.push_back({growth.name, growth.family, grows, {}, {}});
      GrowthRow& into = rows[row++];
      const std::string fault = fault_of(
          result, growth, grows, std::string("Growth.") + (grows ? "grows_" : "settles_") + growth.name);
      into.told.add(fault.empty());
      (grows ? growing : settled).add(fault.empty());
      told.add(fault.empty());
      if (!fault.empty() && into.faults.size() < kFaultsKept)
        into.faults.push_back("seed " + std::to_string(seed) + ": " + fault);
    }
  }
}

}  // namespace leakgate::simulator
