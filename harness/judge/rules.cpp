// SPDX-License-Identifier: Apache-2.0
// What is said of a test from its leaks, which tests are shown, and what is said of processes that are not
// judged.
#include "harness/judge/rules.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/base/text.h"

namespace leakgate::judge {
namespace {

using model::LeakVerdict;
using model::ProcessRole;
using model::Recording;
using model::TestVerdict;

const model::Process* process_of(std::uint32_t index, const Recording& recording) {
  return index < recording.processes.size() ? &recording.processes[index] : nullptr;
}

}  // namespace

bool end_was_missed(const model::Test& test, const Recording& recording) {
  if (test.complete || test.outside) return false;
  const auto* process = process_of(test.process, recording);
  return process == nullptr || !process->exit.signal;
}

bool is_reported(const model::Test& test, const Recording& recording) {
  const auto* process = process_of(test.process, recording);
  if (process == nullptr) return true;
  if (process->rerun != 0) return false;
  if (process->role == ProcessRole::death_test || process->role == ProcessRole::runner) return false;
  // A test that was open when exec replaced its process has no end either: nobody knows what it left behind.
  return process->role != ProcessRole::replaced || !test.outside;
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
