// SPDX-License-Identifier: Apache-2.0
// The order of the rules is their rank: what happened to the process, whose allocation it was, kind, size,
// age, limits.
#include "harness/judge/rules.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/judge/site.h"
#include "harness/model/names.h"

namespace leakgate::judge {
namespace {

using model::LeakVerdict;
using model::ProcessRole;
using model::Recording;
using model::TestVerdict;

const model::Process* process_of(std::uint32_t index, const Recording& recording) {
  return index < recording.processes.size() ? &recording.processes[index] : nullptr;
}

std::string_view what_is_known(model::Kind kind) {
  switch (kind) {
    case model::Kind::definitely_lost:
      return "nothing points at them any more";
    case model::Kind::indirectly_lost:
      return "only lost blocks point at them";
    case model::Kind::possibly_lost:
      return "only pointers into their middle are left";
    case model::Kind::still_reachable:
      return "something still points at them";
    case model::Kind::unclassified:
      break;
  }
  return "whether something still points at them was not examined";
}

/// What is known of when they became lost, where it was not at the end of their own test.
std::string when_lost(const model::Leak& leak, const Recording& recording) {
  if (leak.lost_after < recording.tests.size())
    return fmt::format(", since the end of '{}'", recording.tests[leak.lost_after].id);
  return leak.lost_at_end ? ", since the process ended" : "";
}

void set(model::Leak& leak, LeakVerdict verdict, std::string reason) {
  leak.verdict = verdict;
  leak.reason = std::move(reason);
}

/// The signal that ended the process while this leak's window was open, or 0.
int signal_in_window(const Candidate& candidate, const Recording& recording) {
  const auto* process = process_of(candidate.process, recording);
  if (process == nullptr || !process->exit.signal) return 0;
  const auto& test = recording.tests[candidate.leak.test];
  const bool window_closed = test.complete && test.outcome != model::Outcome::crashed && !test.outside;
  return window_closed ? 0 : *process->exit.signal;
}

/// "480 of at most 100 bytes"
std::string against(std::uint64_t value, std::uint64_t limit, std::string_view noun) {
  return fmt::format("{} of at most {}", value, counted(limit, noun));
}

}  // namespace

void judge_leak(Candidate& candidate, const Recording& recording, const Policy& policy) {
  model::Leak& leak = candidate.leak;
  if (const int signal = signal_in_window(candidate, recording))
    return set(leak, LeakVerdict::allowed,
               fmt::format("the process died by signal {} before it could free them", signal));
  if (!candidate.kept_by.empty())
    return set(leak, LeakVerdict::allowed, fmt::format("allocated by {} for itself", candidate.kept_by));
  if (!policy.fails(leak.kind))
    return set(leak, LeakVerdict::allowed,
               fmt::format("{} blocks do not fail under this policy", model::name_of(leak.kind)));
  if (leak.bytes < policy.min_size_bytes)
    return set(leak, LeakVerdict::below_threshold,
               fmt::format("smaller than the minimum size of {}", counted(policy.min_size_bytes, "byte")));
  if (static_cast<double>(leak.age_max_ms) < policy.min_age_s * 1000.0)
    return set(leak, LeakVerdict::below_threshold,
               fmt::format("younger than the minimum age of {:g} s", policy.min_age_s));
  const std::string allocator = leak.function.empty() ? "" : " by " + leak.function;
  set(leak, LeakVerdict::fail,
      fmt::format("allocated{} and never freed; {}{}", allocator, what_is_known(leak.kind),
                  when_lost(leak, recording)));
}

std::vector<std::string> apply_limits(std::vector<Candidate>& candidates, const Policy& policy) {
  std::uint64_t bytes = 0, blocks = 0;
  for (const auto& candidate : candidates) {
    if (candidate.leak.verdict != LeakVerdict::fail) continue;
    bytes = add_saturated(bytes, candidate.leak.bytes);
    blocks = add_saturated(blocks, candidate.leak.blocks);
  }
  std::vector<std::string> exceeded;
  if (policy.max_leaked_bytes && bytes > *policy.max_leaked_bytes)
    exceeded.push_back(fmt::format("the run leaks {}", against(bytes, *policy.max_leaked_bytes, "byte")));
  if (policy.max_leaked_blocks && blocks > *policy.max_leaked_blocks)
    exceeded.push_back(fmt::format("the run leaks {}", against(blocks, *policy.max_leaked_blocks, "block")));
  if (!exceeded.empty() || (!policy.max_leaked_bytes && !policy.max_leaked_blocks)) return exceeded;
  std::string reason = "within the limits of the run:";
  if (policy.max_leaked_bytes) reason += " " + against(bytes, *policy.max_leaked_bytes, "byte");
  if (policy.max_leaked_blocks)
    reason += fmt::format("{} {}", policy.max_leaked_bytes ? "," : "",
                          against(blocks, *policy.max_leaked_blocks, "block"));
  for (auto& candidate : candidates)
    if (candidate.leak.verdict == LeakVerdict::fail) set(candidate.leak, LeakVerdict::allowed, reason);
  return exceeded;
}

bool end_was_missed(const model::Test& test, const Recording& recording) {
  if (test.complete || test.outside) return false;
  const auto* process = process_of(test.process, recording);
  return process == nullptr || !process->exit.signal;
}

bool is_reported(const model::Test& test, const Recording& recording) {
  const auto* process = process_of(test.process, recording);
  if (process == nullptr) return true;
  if (process->role == ProcessRole::death_test || process->role == ProcessRole::runner) return false;
  return process->role != ProcessRole::replaced || (test.complete && !test.outside);
}

TestVerdict judge_test(const model::Test& test, const Recording& recording,
                       const std::vector<const Candidate*>& leaks) {
  const auto any = [&](auto condition) { return std::any_of(leaks.begin(), leaks.end(), condition); };
  if (any([](const Candidate* c) { return c->leak.verdict == LeakVerdict::fail; })) return TestVerdict::leak;
  if (end_was_missed(test, recording)) return TestVerdict::incomplete;
  // What a framework keeps for itself says nothing about the test.
  const bool tolerated = any([](const Candidate* c) { return c->kept_by.empty(); });
  return tolerated ? TestVerdict::allowed : TestVerdict::clean;
}

std::vector<std::string> notes_on(const std::map<ProcessRole, NotJudged>& not_judged) {
  const auto why = [](ProcessRole role, bool one) -> std::string_view {
    switch (role) {
      case ProcessRole::death_test:
        return one ? "a death test's child is meant to die" : "death tests' children are meant to die";
      case ProcessRole::replaced:
        return one ? "its memory went when exec replaced it" : "their memory went when exec replaced them";
      case ProcessRole::runner:
        return one ? "it only started other programs" : "they only started other programs";
      case ProcessRole::running:
        return one ? "it was still running when the command ended"
                   : "they were still running when the command ended";
      case ProcessRole::judged:
        break;
    }
    return "";
  };
  std::vector<std::string> notes;
  for (const auto& [role, count] : not_judged)
    notes.push_back(fmt::format(
        "{} in {} of {} not judged: {}", counted(count.bytes, "byte"), counted(count.blocks, "block"),
        count.processes == 1 ? "1 process" : fmt::format("{} processes", count.processes),
        why(role, count.processes == 1)));
  return notes;
}

}  // namespace leakgate::judge
