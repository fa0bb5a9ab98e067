// SPDX-License-Identifier: Apache-2.0
// A test is known by its program and its id. See recurrence.h.
#include "harness/judge/recurrence.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>

#include "harness/judge/rules.h"

namespace leakgate::judge {
namespace {

using model::kNone;
using TestKey = std::pair<std::string, std::string>;  // program, id
using LeakKey = std::tuple<TestKey, std::string, bool>;

class Reruns {
 public:
  explicit Reruns(model::Recording& recording) : recording_(recording) {
    for (std::uint32_t i = 0; i < recording.processes.size(); ++i) {
      const model::Process& process = recording.processes[i];
      if (process.role != model::ProcessRole::judged) continue;
      ran_[{process.exe, {}}].insert(process.rerun);
      if (process.rerun == 0) own_process_.try_emplace(process.exe, i);
    }
    for (std::uint32_t i = 0; i < recording.tests.size(); ++i) {
      const model::Test& test = recording.tests[i];
      if (test.process >= recording.processes.size()) continue;
      if (number_of(test.process) == 0) own_test_.try_emplace(key_of(i), i);
      if (test.complete || test.outside) ran_[key_of(i)].insert(number_of(test.process));
    }
  }

  [[nodiscard]] std::uint32_t number_of(std::uint32_t process) const {
    return process < recording_.processes.size() ? recording_.processes[process].rerun : 0;
  }

  [[nodiscard]] TestKey key_of(std::uint32_t test) const {
    const model::Test& row = recording_.tests[test];
    const bool known = row.process < recording_.processes.size();
    return {known ? recording_.processes[row.process].exe : "", row.id};
  }

  [[nodiscard]] LeakKey key_of(const Candidate& candidate) const {
    return {key_of(candidate.leak.test), candidate.leak.fingerprint,
            candidate.leak.kind == model::Kind::still_reachable};
  }

  /// In how many runs the leak's test ran; what is outside tests has run wherever its program has.
  [[nodiscard]] std::uint32_t runs(const Candidate& candidate) const {
    TestKey key = key_of(candidate.leak.test);
    if (recording_.tests[candidate.leak.test].outside) key.second.clear();
    const auto found = ran_.find(key);
    return found == ran_.end() ? 0 : static_cast<std::uint32_t>(found->second.size());
  }

  /// Makes a leak of a later run one of the run's own.
  void adopt(Candidate& candidate) {
    const std::uint32_t from = candidate.leak.test;
    const TestKey key = key_of(from);
    auto own = own_test_.find(key);
    if (own == own_test_.end()) {
      const auto process = own_process_.find(key.first);
      if (process == own_process_.end()) {  // the run itself did not have its program: shown as it is
        recording_.processes[candidate.process].rerun = 0;
        return;
      }
      model::Test test = recording_.tests[from];
      test.process = process->second;
      own = own_test_.emplace(key, static_cast<std::uint32_t>(recording_.tests.size())).first;
      recording_.tests.push_back(std::move(test));
    }
    candidate.leak.test = own->second;
    candidate.leak.lost_after = kNone;
    candidate.process = recording_.tests[own->second].process;
  }

 private:
  model::Recording& recording_;
  std::map<TestKey, std::set<std::uint32_t>> ran_;  // numbers of the runs; of a program, under no id
  std::map<TestKey, std::uint32_t> own_test_;
  std::map<std::string, std::uint32_t> own_process_;
};

}  // namespace

void fold_reruns(std::vector<Candidate>& candidates, model::Recording& recording) {
  if (recording.run.reruns == 0) return;
  Reruns reruns(recording);
  std::map<LeakKey, std::set<std::uint32_t>> seen;
  for (const Candidate& candidate : candidates)
    seen[reruns.key_of(candidate)].insert(reruns.number_of(candidate.process));
  for (Candidate& candidate : candidates) {
    const auto& in = seen[reruns.key_of(candidate)];
    candidate.leak.recurrence = {static_cast<std::uint32_t>(in.size()),
                                 std::max(reruns.runs(candidate), static_cast<std::uint32_t>(in.size()))};
  }
  const bool everything = recording.run.rerun_scope == model::RerunScope::everything;
  std::erase_if(candidates, [&](const Candidate& candidate) {
    const std::uint32_t first = *seen[reruns.key_of(candidate)].begin();
    return reruns.number_of(candidate.process) != (everything ? first : 0);
  });
  for (Candidate& candidate : candidates)
    if (reruns.number_of(candidate.process) != 0) reruns.adopt(candidate);
}

}  // namespace leakgate::judge
