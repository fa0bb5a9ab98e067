// SPDX-License-Identifier: Apache-2.0
// From block groups to leaks: groups of one allocation site in one test become one leak, with its stack
// resolved. No verdict yet.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "harness/model/recording.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

/// A leak on its way to a verdict, with what the rules ask beyond model::Leak.
struct Candidate {
  model::Leak leak;  ///< leak.test is an index into Recording::tests here
  std::uint32_t process = model::kNone;
  std::string_view kept_by;   ///< the framework or part of the runtime that allocated for itself; empty: none
  bool thrown_after = false;  ///< of some of its blocks, as BlockGroup has it
  bool failed_after = false;
  std::uint64_t most_blocks_on_a_path = 0;  ///< with one and the same stack
};

/// Outstanding blocks that are not judged because of the role of their process.
struct NotJudged {
  std::uint64_t processes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
};

struct CollectedLeaks {
  std::vector<Candidate> candidates;  ///< sorted by test, bytes (most first), site, fingerprint
  std::map<model::ProcessRole, NotJudged> not_judged;
};

/// The leaks in `recording`, whose stacks (with their frames and modules) are in `stacks` and not in it. A
/// group whose test does not exist is left out: parse_recording and the caller see to that.
CollectedLeaks collect_leaks(const model::Recording& recording,
                             const std::shared_ptr<const model::StackTable>& stacks);

}  // namespace leakgate::judge
