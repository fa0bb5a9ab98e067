// SPDX-License-Identifier: Apache-2.0
// Threads take one part of the stacks each, and share nothing that they write; see stack_facts.h.
#include "harness/judge/stack_facts.h"

#include <algorithm>
#include <optional>

#include "harness/base/workers.h"
#include "harness/judge/runtime_memory.h"
#include "harness/judge/site.h"

namespace leakgate::judge {
namespace {

using model::VerdictFrame;

constexpr std::size_t kStacksForAThread = 2000;  // fewer are looked at before one has started
constexpr std::size_t kMostThreads = 4;

StackFacts examine(const std::vector<VerdictFrame>& frames, const std::vector<FrameOwner>& owners,
                   bool truncated) {
  StackFacts facts;
  facts.site = find_site(frames, owners);
  const auto framework = allocating_framework(frames, owners);
  facts.kept_by = framework != model::Framework::none ? display_name(framework)
                                                      : allocating_runtime(frames, owners, truncated);
  facts.fingerprint = fingerprint_of(frames, owners);
  // what a runtime keeps and what the user allocates may stand on one line, in one function
  facts.identity.add(facts.fingerprint.text);
  facts.identity.add(facts.kept_by);
  // Two lines of one function have one fingerprint, and are two sites all the same. What calls the test makes
  // no difference.
  for (std::size_t i = facts.site; i < frames.size(); ++i) {
    if (owners[i] == FrameOwner::framework || owners[i] == FrameOwner::runtime) break;
    if (owners[i] != FrameOwner::user) continue;
    facts.identity.add(frames[i].file);
    facts.identity.add(frames[i].line);
    // of a stripped file the address is all that tells two callers apart, without lines two lambdas' numbers
    if (frames[i].function.empty())
      facts.identity.add(frames[i].offset);
    else if (frames[i].file.empty())
      facts.identity.add(qualified_name(frames[i].function));
  }
  return facts;
}

/// Looks at one stack after the other.
class Examiner {
 public:
  explicit Examiner(const std::shared_ptr<const model::StackTable>& stacks)
      : stacks_(stacks), owner_of_frame_(stacks->frames.size()) {}

  StackFacts look_at(std::size_t row) {
    const model::LeakStack stack(stacks_, static_cast<std::uint32_t>(row));
    frames_.assign(stack.begin(), stack.end());
    owners_.clear();
    for (std::size_t i = 0; i < frames_.size(); ++i)
      owners_.push_back(owner(stack.number(i), frames_[i]));
    return examine(frames_, owners_, stack.truncated());
  }

 private:
  /// Whose a frame is; one that many stacks have is asked about once.
  FrameOwner owner(std::uint32_t number, const VerdictFrame& frame) {
    if (number >= owner_of_frame_.size()) return owner_of(frame);
    auto& known = owner_of_frame_[number];
    if (!known) known = owner_of(frame);
    return *known;
  }

  const std::shared_ptr<const model::StackTable>& stacks_;
  std::vector<VerdictFrame> frames_;  ///< of the stack last looked at
  std::vector<FrameOwner> owners_;    ///< likewise
  std::vector<std::optional<FrameOwner>> owner_of_frame_;
};

/// The rows that the groups have, each once; the row behind the last stands for those that lead nowhere.
std::vector<std::size_t> rows_of(const std::vector<model::BlockGroup>& groups, std::size_t stacks) {
  std::vector<bool> wanted(stacks + 1);
  for (const auto& group : groups)
    wanted[std::min<std::size_t>(group.stack, stacks)] = true;
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < wanted.size(); ++row)
    if (wanted[row]) rows.push_back(row);
  return rows;
}

}  // namespace

StackFactsTable::StackFactsTable(const std::shared_ptr<const model::StackTable>& stacks,
                                 const std::vector<model::BlockGroup>& groups)
    : facts_(stacks->stacks.size() + 1) {
  const std::vector<std::size_t> rows = rows_of(groups, stacks->stacks.size());
  const std::size_t most = std::min<std::size_t>(worker_count(0), kMostThreads);
  const std::size_t parts = std::clamp<std::size_t>(rows.size() / kStacksForAThread, 1, most);
  const auto work = [&](std::size_t part) {
    Examiner examiner(stacks);
    for (std::size_t i = rows.size() * part / parts; i < rows.size() * (part + 1) / parts; ++i)
      facts_[rows[i]] = examiner.look_at(rows[i]);
  };
  run_workers(static_cast<unsigned>(parts), work);
}

const StackFacts& StackFactsTable::of(std::uint32_t stack) const {
  return facts_[std::min<std::size_t>(stack, facts_.size() - 1)];
}

}  // namespace leakgate::judge
