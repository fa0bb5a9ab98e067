// SPDX-License-Identifier: Apache-2.0
// See only_tests.h.
#include "harness/model/only_tests.h"

#include <algorithm>
#include <set>
#include <utility>

namespace leakgate::model {

void keep_only_tests(Recording& recording, const std::vector<std::string>& ids) {
  const auto is_wanted = [&](const Test& test) {
    return !test.outside && std::find(ids.begin(), ids.end(), test.id) != ids.end();
  };
  std::set<std::uint32_t> processes;
  for (const Test& test : recording.tests)
    if (is_wanted(test)) processes.insert(test.process);
  std::vector<std::uint32_t> new_index(recording.tests.size(), kNone);
  std::vector<Test> kept;
  for (std::size_t i = 0; i < recording.tests.size(); ++i) {
    Test& test = recording.tests[i];
    if (!test.outside && processes.contains(test.process) && !is_wanted(test)) continue;
    new_index[i] = static_cast<std::uint32_t>(kept.size());
    kept.push_back(std::move(test));
  }
  std::erase_if(recording.blocks, [&](const BlockGroup& group) {
    return group.test < new_index.size() && new_index[group.test] == kNone;
  });
  for (BlockGroup& group : recording.blocks)
    for (std::uint32_t* test : {&group.test, &group.lost_after})
      if (*test < new_index.size()) *test = new_index[*test];
  recording.tests = std::move(kept);
}

}  // namespace leakgate::model
