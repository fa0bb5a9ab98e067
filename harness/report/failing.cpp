// SPDX-License-Identifier: Apache-2.0
// See failing.h.
#include "harness/report/failing.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/base/fnv1a.h"
#include "harness/base/text.h"

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

std::vector<std::string> failures_beside_leaks(const model::Verdict& verdict) {
  const bool any_leak = std::any_of(verdict.leaks.begin(), verdict.leaks.end(), [](const model::Leak& leak) {
    return leak.verdict == model::LeakVerdict::fail;
  });
  const auto of_suppression = [&](const std::string& sentence) {
    return std::any_of(
        verdict.suppressions.begin(), verdict.suppressions.end(),
        [&](const model::SuppressionUse& use) { return sentence.starts_with(use.source + ": "); });
  };
  std::vector<std::string> sentences;
  for (const auto& sentence : verdict.limits_exceeded)
    if (!any_leak || of_suppression(sentence)) sentences.push_back(sentence);
  return sentences;
}

std::string failure_identity(std::string_view sentence) {
  std::string words;
  for (const char c : sentence)
    if (c < '0' || c > '9') words += c;
  return fmt::format("{:016x}", fnv1a(words));
}

std::string failure_place(const model::Verdict& verdict, const SourceRoot& root) {
  const std::string& policy = verdict.policy_file;
  if (!policy.empty() && root.contains(policy) && !root.relative(policy).starts_with('/')) return policy;
  const std::string_view program =
      verdict.run.command.empty() ? std::string_view() : base_name(verdict.run.command.front());
  return program.empty() ? "unknown" : std::string(program);
}

}  // namespace leakgate::report
