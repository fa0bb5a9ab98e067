// SPDX-License-Identifier: Apache-2.0
// See failing.h.
#include "harness/report/failing.h"

#include <algorithm>

namespace leakgate::report {

std::vector<const model::Leak*> worst_first(const model::Verdict& verdict) {
  std::vector<const model::Leak*> leaks;
  for (const auto& leak : verdict.leaks)
    if (leak.verdict == model::LeakVerdict::fail) leaks.push_back(&leak);
  std::stable_sort(leaks.begin(), leaks.end(), [](const auto* a, const auto* b) {
    return a->severity != b->severity ? a->severity > b->severity : a->bytes > b->bytes;
  });
  return leaks;
}

std::string test_of(const model::Verdict& verdict, const model::Leak& leak) {
  return leak.test < verdict.tests.size() ? verdict.tests[leak.test].test.id : std::string();
}

}  // namespace leakgate::report
