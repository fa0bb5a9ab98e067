// SPDX-License-Identifier: Apache-2.0
// The stage from above: collect leaks, judge each, apply limits, then tests, then the run; see judge.h.
#include "harness/judge/judge.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "harness/base/saturated.h"
#include "harness/base/text.h"
#include "harness/judge/gate.h"
#include "harness/judge/insight.h"
#include "harness/judge/leaks.h"
#include "harness/judge/recurrence.h"
#include "harness/judge/rules.h"

namespace leakgate::judge {
namespace {

using model::Recording;
using model::Verdict;

constexpr std::string_view kMissedTestEnd = "missed_test_end";

bool names_cause(const std::vector<model::IncompleteReason>& reasons, std::string_view cause) {
  return std::any_of(reasons.begin(), reasons.end(),
                     [&](const auto& reason) { return reason.cause == cause; });
}

/// Blocks without a test belong to "(outside tests)" of their process; a row is made where the recording has
/// none.
void give_each_block_an_owner(Recording& result) {
  std::map<std::uint32_t, std::uint32_t> outside;
  for (std::uint32_t i = 0; i < result.tests.size(); ++i)
    if (result.tests[i].outside) outside.try_emplace(result.tests[i].process, i);
  for (auto& group : result.blocks) {
    if (group.test < result.tests.size()) continue;
    const auto [it, is_new] =
        outside.try_emplace(group.process, static_cast<std::uint32_t>(result.tests.size()));
    if (is_new) {
      model::Test test;
      test.id = "(outside tests)";
      test.process = group.process;
      test.outside = true;
      result.tests.push_back(std::move(test));
    }
    group.test = it->second;
  }
}

void add_tests(Verdict& verdict, const Recording& recording, std::vector<Candidate>& candidates) {
  std::vector<std::vector<const Candidate*>> leaks_of(recording.tests.size());
  for (const auto& candidate : candidates)
    leaks_of[candidate.leak.test].push_back(&candidate);
  std::vector<std::uint32_t> new_index(recording.tests.size(), model::kNone);
  for (std::size_t i = 0; i < recording.tests.size(); ++i) {
    const auto& test = recording.tests[i];
    if (!is_reported(test, recording)) continue;
    new_index[i] = static_cast<std::uint32_t>(verdict.tests.size());
    auto& judged = verdict.tests.emplace_back();
    judged.test = test;
    if (test.process < recording.processes.size()) judged.pid = recording.processes[test.process].pid;
    judged.verdict = judge_test(test, recording, leaks_of[i]);
    judged.rerun = rerun_command(test, recording);
  }
  verdict.leaks.reserve(candidates.size());
  for (auto& candidate : candidates) {
    const auto test = new_index[candidate.leak.test];
    if (test == model::kNone) continue;
    auto& leak = verdict.leaks.emplace_back(std::move(candidate.leak));
    leak.id = fmt::format("leak-{}", verdict.leaks.size());
    leak.test = test;
    verdict.tests[test].leaks.push_back(verdict.leaks.size() - 1);
  }
}

void sum_up(Verdict& verdict) {
  auto& summary = verdict.summary;
  for (const auto& judged : verdict.tests) {
    const bool leaks = judged.verdict == model::TestVerdict::leak;
    if (judged.test.outside && !leaks) continue;
    ++summary.tests;
    if (leaks) ++summary.leaking;
    if (judged.verdict == model::TestVerdict::clean) ++summary.clean;
  }
  bool fails = false;
  for (const auto& leak : verdict.leaks) {
    if (leak.verdict != model::LeakVerdict::fail) continue;
    fails = true;
    summary.leaked_bytes = add_saturated(summary.leaked_bytes, leak.bytes);
    summary.leaked_blocks = add_saturated(summary.leaked_blocks, leak.blocks);
  }
  if (!verdict.run.incomplete_reasons.empty())
    summary.verdict = model::RunVerdict::incomplete;
  else
    summary.verdict =
        fails || !verdict.limits_exceeded.empty() ? model::RunVerdict::fail : model::RunVerdict::pass;
}

}  // namespace

std::vector<model::IncompleteReason> incomplete_reasons(const Recording& recording) {
  auto reasons = recording.run.incomplete_reasons;
  // whatever was lost is named, even if the recorder forgot to
  for (const auto& [cause, count] : recording.tracer.lost)
    if (count > 0 && !names_cause(reasons, cause))
      reasons.push_back({cause, count, fmt::format("{} lost ({})", counted(count, "event"), cause), ""});
  std::uint64_t missed = 0;
  std::string first;
  for (const auto& test : recording.tests) {
    if (!is_reported(test, recording) || !end_was_missed(test, recording)) continue;
    if (missed++ == 0) first = test.id;
  }
  if (missed == 0 || names_cause(reasons, kMissedTestEnd)) return reasons;
  std::string message = fmt::format("the end of test {} was never seen", first);
  if (missed > 1)
    message = fmt::format("the end of {} was never seen, {} first", counted(missed, "test"), first);
  reasons.push_back({std::string(kMissedTestEnd), missed, std::move(message),
                     "see whether the test ends its process by itself (exit, _exit) or waits for ever"});
  return reasons;
}

Verdict judge(Recording recording, const Policy& policy) {
  give_each_block_an_owner(recording);
  const auto stacks = std::make_shared<const model::StackTable>(model::StackTable{
      std::move(recording.modules), std::move(recording.frames), std::move(recording.stacks)});
  Verdict verdict;
  verdict.tool_version = recording.tool_version;
  verdict.run = recording.run;
  verdict.tracer = recording.tracer;
  verdict.modules = stacks->modules;
  auto collected = collect_leaks(recording, stacks);
  fold_reruns(collected.candidates, recording);
  verdict.processes = recording.processes;
  while (!verdict.processes.empty() && verdict.processes.back().rerun != 0)  // they come last
    verdict.processes.pop_back();
  for (auto& note : notes_on(collected.not_judged))
    verdict.tracer.notes.push_back(std::move(note));
  verdict.policy_file = policy.file;
  apply_policy(collected.candidates, recording, policy, verdict);
  verdict.run.incomplete_reasons = incomplete_reasons(recording);
  add_tests(verdict, recording, collected.candidates);
  sum_up(verdict);
  return verdict;
}

}  // namespace leakgate::judge
