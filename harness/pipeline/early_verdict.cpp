// SPDX-License-Identifier: Apache-2.0
// The same stages as record_command() and the verdict at the end, on less.
#include "harness/pipeline/early_verdict.h"

#include <sys/stat.h>

#include <set>
#include <utility>
#include <vector>

#include "harness/attribute/attribute.h"
#include "harness/judge/judge.h"
#include "harness/pipeline/part_recording.h"
#include "harness/report/answer_text.h"

namespace leakgate::pipeline {
namespace {

/// The policy without what only a whole run can be held to.
judge::Policy policy_for_parts(judge::Policy policy) {
  policy.run = {};
  policy.binary = {};
  policy.rules.min_tests.reset();
  policy.rules.min_age_tests.reset();
  for (judge::Override& rules : policy.overrides) {
    rules.rules.min_tests.reset();
    rules.rules.min_age_tests.reset();
  }
  policy.fail_unused_suppressions = false;
  policy.fail_expired_suppressions = false;
  return policy;
}

/// Reading lines of so much takes a second or two, for which a test does not wait.
constexpr std::uint64_t kMostModuleBytes = std::uint64_t{1} << 30;

std::uint64_t bytes_of(const std::vector<model::TraceModule>& modules) {
  std::uint64_t sum = 0;
  for (const model::TraceModule& module : modules) {
    struct stat status {};
    if (module.file && ::fstat(module.file->get(), &status) == 0)
      sum += static_cast<std::uint64_t>(status.st_size);
  }
  return sum;
}

/// Kinds that fail in some test at least.
std::set<model::Kind> failing_kinds(const judge::Policy& policy) {
  std::set<model::Kind> kinds = policy.rules.failing_kinds.value_or(judge::default_failing_kinds());
  for (const judge::Override& rules : policy.overrides)
    if (rules.rules.failing_kinds) kinds.merge(std::set(*rules.rules.failing_kinds));
  return kinds;
}

void add(model::AnswerFigures& figures, std::uint64_t bytes, std::uint64_t blocks) {
  figures.bytes += bytes;
  figures.blocks += blocks;
}

}  // namespace

model::AnswerQuestion early_verdicts(const RecordRequest& request, const std::string& cwd,
                                     std::shared_ptr<StackResolver> resolver) {
  const auto names = std::make_shared<StackResolver>(request, cwd, StackResolver::Depth::names);
  return
      [policy = policy_for_parts(request.policy), kinds = failing_kinds(request.policy), cwd,
       source_root = request.source_root, names, resolver = std::move(resolver)](const model::Trace& asked) {
        model::Answer answer;
        for (const model::TraceOutstanding& group : asked.outstanding)
          add(answer.kinds[static_cast<std::size_t>(group.kind)], group.bytes, group.blocks);
        // what cannot fail need not be named, which is what takes time
        model::Trace trace = asked;
        std::erase_if(trace.outstanding, [&](const auto& group) { return !kinds.contains(group.kind); });
        if (trace.outstanding.empty()) return answer;

        model::Recording recording;
        recording.run.cwd = cwd;
        recording.run.source_root = source_root;
        attribute::Attribution attribution = attribute::attribute_blocks(trace);
        attribution.processes.front().role = model::ProcessRole::judged;
        StackResolver& chosen = bytes_of(trace.modules) > kMostModuleBytes ? *names : *resolver;
        take_tests_and_blocks(trace, std::move(attribution), chosen, recording);
        const model::Verdict verdict = judge::judge(std::move(recording), policy);
        for (const model::Leak& leak : verdict.leaks) {
          if (leak.verdict != model::LeakVerdict::fail) continue;
          ++answer.leaks;
          add(answer.leaked, leak.bytes, leak.blocks);
        }
        if (answer.leaks != 0) answer.text = report::answer_text(verdict);
        return answer;
      };
}

}  // namespace leakgate::pipeline
