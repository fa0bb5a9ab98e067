// SPDX-License-Identifier: Apache-2.0
// The order at a moment: hold, read the ledger, classify, see that nothing moved, let go.
#include "harness/capture/moments.h"

#include "harness/base/clock.h"
#include "harness/capture/memory_in_hand.h"
#include "harness/capture/stack_reader.h"

namespace leakgate::capture {
namespace {

constexpr int kTries = 4;  // the last one stops sleeping threads too

// What looking at ends of tests may take of a run: nobody notices the first part, a suite of many tests has
// so much for each, and a slow one a share of its time.
constexpr std::uint64_t kFreeNs = 400'000'000;
constexpr std::uint64_t kEachNs = 700'000;
constexpr std::uint64_t kShare = 5;

constexpr std::size_t kMostStacksToTell = 500;

}  // namespace

bool MomentKeeper::is_affordable(const lg_record_moment& moment) const {
  if (moment.kind != LG_MOMENT_TEST_END) return true;
  const std::uint64_t elapsed_ns = monotonic_ns() - start_ns_;
  return held_ns_ < kFreeNs + moments_ * kEachNs + elapsed_ns / kShare;
}

void MomentKeeper::stop_ahead(const lg_record_moment& moment) {
  const std::uint32_t index = moment.head.proc;
  const auto process = session_.process(index);
  if (moment.kind != LG_MOMENT_EXIT || !process || stopped_ahead_.contains(index)) return;
  const auto asker = static_cast<std::int32_t>(moment.tid);
  HeldThreads threads(static_cast<std::int32_t>(process->pid));
  if (!threads.stop(asker) || !threads.was_asked(asker)) return;
  threads.stop_running();
  stopped_ahead_.emplace(index, std::move(threads));
  session_.answer_moment(index, moment.moment);
}

void MomentKeeper::take(const lg_record_moment& moment, std::int32_t pid) {
  const bool affordable = is_affordable(moment);
  if (moment.kind == LG_MOMENT_TEST_END) ++moments_;
  if (!affordable) {
    ++passed_over_;
    session_.answer_moment(moment.head.proc, moment.moment);
    return;
  }
  const std::uint64_t started_ns = monotonic_ns();
  HeldProcess held(session_, modules_, moment, pid);
  if (auto ahead = stopped_ahead_.extract(moment.head.proc); ahead && moment.kind == LG_MOMENT_EXIT)
    held.has_been_stopped(std::move(ahead.mapped()));
  model::MomentFindings findings;
  const Status done = examine(held, findings);
  const bool asked = moment.kind == LG_MOMENT_ASKED;
  if (asked && tell_asker_) tell_asker_(moment, done ? &findings : nullptr);
  if (HeldThreads left = held.release(); !left.release()) lingering_.push_back(std::move(left));
  const bool at_end = moment.kind != LG_MOMENT_TEST_END && !asked;
  const std::uint64_t ns = monotonic_ns() - started_ns;
  held_ns_ += ns;
  held_by_window_[{moment.head.proc, at_end ? 0 : moment.window}] += ns;
  if (!done) {
    ++failures_[done.error().message];
    if (at_end) missed_ends_.insert(moment.head.proc);
  } else if (at_end) {
    settled_.insert(moment.head.proc);
    known_.erase(moment.head.proc);
    groups_.insert(groups_.end(), findings.groups.begin(), findings.groups.end());
  } else if (!asked || moment.question == LG_ASK_TEST_END) {
    Known& known = known_[moment.head.proc];
    known.blocks.keep(held.view().blocks, findings.kinds, moment.window, known.last_window);
    known.last_window = moment.window;
  }
  if (done && frame_seen_) tell_frames(held.view());
}

void MomentKeeper::tell_frames(const model::HeldProcess& view) {
  for (const model::HeldBlock& block : view.blocks) {
    if (told_stacks_.size() >= kMostStacksToTell) return;
    if (block.stack == 0 || block.ignored || block.inherited ||
        (view.window != 0 && block.window >= view.window))
      continue;
    if (!told_stacks_.insert(block.stack).second) continue;
    const auto stack = session_.stack(block.stack);
    if (!stack) continue;
    for (const std::uint64_t raw : stack->frames) {
      const model::TraceFrame frame = frame_of(raw, modules_.modules().size());
      if (frame.module != model::kNone && told_frames_.insert(frame).second)
        frame_seen_(modules_.modules()[frame.module], frame);
    }
  }
}

Status MomentKeeper::examine(HeldProcess& held, model::MomentFindings& findings) {
  for (int attempt = 1; attempt <= kTries; ++attempt) {
    if (auto done = held.hold(attempt == kTries); !done) return done;
    if (auto done = fill_blocks(held.view()); !done) return done;
    findings = classify_(held.view(), held.view().window == 0 || held.view().groups_from != 0);
    if (held.stood_still()) return {};
    if (!held.can_be_held_again()) return HeldProcess::gave_up_memory();
  }
  return Error{ErrorKind::io, "the process did not stand still", "", 0};
}

Status MomentKeeper::fill_blocks(model::HeldProcess& view) {
  const auto known = known_.find(view.process);
  view.start_ns = start_ns_;
  view.blocks.clear();
  // the count may be one below none for an instant, while other threads allocate and free
  if (const auto live = static_cast<std::int64_t>(session_.totals().live_blocks); live > 0)
    view.blocks.reserve(static_cast<std::size_t>(live));
  view.last_window_seen = known != known_.end() ? known->second.last_window : 0;
  auto read = session_.visit_live_of(view.process, [&](const lg_live_key& key, const lg_live& block) {
    view.blocks.push_back(held_block(key, block));
    return false;
  });
  sort_by_address(view.blocks);
  if (known != known_.end()) known->second.blocks.recall(view.blocks);
  inherited_.add_to(view.process, view.blocks);
  add_in_hand(view);
  return read;
}

model::Kind MomentKeeper::last_kind(const lg_live_key& key, const lg_live& block) const {
  const auto process = known_.find(key.proc);
  return process == known_.end() ? model::Kind::unclassified : process->second.blocks.last_kind(key, block);
}

void MomentKeeper::release_lingering() {
  std::erase_if(lingering_, [](HeldThreads& threads) { return threads.release(); });
}

}  // namespace leakgate::capture
