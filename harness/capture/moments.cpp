// SPDX-License-Identifier: Apache-2.0
// The order at a moment: hold, read the ledger, classify, see that nothing moved, let go.
#include "harness/capture/moments.h"

#include <chrono>

namespace leakgate::capture {
namespace {

constexpr int kTries = 4;  // the last one stops sleeping threads too

}  // namespace

void MomentKeeper::take(const lg_record_moment& moment, std::int32_t pid) {
  const auto started = std::chrono::steady_clock::now();
  HeldProcess held(session_, modules_, moment, pid);
  model::MomentFindings findings;
  const Status done = examine(held, findings);
  const bool asked = moment.kind == LG_MOMENT_ASKED;
  if (asked) tell_asker_(moment, pid, done ? &findings : nullptr);
  if (HeldThreads left = held.release(); !left.release()) lingering_.push_back(std::move(left));
  const bool at_end = moment.kind != LG_MOMENT_TEST_END && !asked;
  const auto ns = static_cast<std::uint64_t>((std::chrono::steady_clock::now() - started).count());
  held_ns_ += ns;
  held_by_window_[{moment.head.proc, at_end ? 0 : moment.window}] += ns;
  if (!done) {
    ++failures_[done.error().message];
  } else if (at_end) {
    settled_.insert(moment.head.proc);
    known_.erase(moment.head.proc);
    groups_.insert(groups_.end(), findings.groups.begin(), findings.groups.end());
  } else if (!asked || moment.question == LG_ASK_TEST_END) {
    keep_kinds(held.view(), findings);
  }
}

Status MomentKeeper::examine(HeldProcess& held, model::MomentFindings& findings) {
  for (int attempt = 1; attempt <= kTries; ++attempt) {
    if (auto done = held.hold(attempt == kTries); !done) return done;
    if (auto done = fill_blocks(held.view()); !done) return done;
    findings = classify_(held.view(), held.view().window == 0 || held.view().groups_from != 0);
    if (held.stood_still()) return {};
  }
  return Error{ErrorKind::io, "the process did not stand still", "", 0};
}

Status MomentKeeper::fill_blocks(model::HeldProcess& view) {
  const auto known = known_.find(view.process);
  view.blocks.clear();
  view.ends_of_tests_seen = known != known_.end();
  return session_.visit_live([&](const lg_live_key& key, const lg_live& block) {
    if (key.proc != view.process) return false;
    model::HeldBlock row;
    row.address = key.addr;
    row.size_bytes = block.size;
    row.time_ns = start_ns_ + std::uint64_t{block.time_ms} * 1'000'000u;
    row.window = block.test;
    row.stack = block.stack;
    row.ignored = (block.tid & LG_LIVE_IGNORED) != 0;
    if (known != known_.end())
      if (const auto found = known->second.find(key.addr);
          found != known->second.end() && found->second.is(block))
        row.lost_after = found->second.lost_after;
    view.blocks.push_back(row);
    return false;
  });
}

void MomentKeeper::keep_kinds(const model::HeldProcess& view, const model::MomentFindings& findings) {
  Known& known = known_[view.process];
  known.clear();
  for (std::size_t i = 0; i < view.blocks.size() && i < findings.kinds.size(); ++i) {
    const model::HeldBlock& block = view.blocks[i];
    const model::Kind kind = findings.kinds[i];
    const bool reachable = kind == model::Kind::still_reachable || kind == model::Kind::unclassified;
    KnownBlock row;
    row.time_ms = static_cast<std::uint32_t>((block.time_ns - start_ns_) / 1'000'000u);
    row.stack = block.stack;
    row.kind = kind;
    row.lost_after = reachable ? 0 : block.lost_after ? block.lost_after : view.window;
    known.emplace(block.address, row);
  }
}

model::Kind MomentKeeper::last_kind(const lg_live_key& key, const lg_live& block) const {
  const auto process = known_.find(key.proc);
  if (process == known_.end()) return model::Kind::unclassified;
  const auto found = process->second.find(key.addr);
  return found != process->second.end() && found->second.is(block) ? found->second.kind
                                                                   : model::Kind::unclassified;
}

void MomentKeeper::release_lingering() {
  std::erase_if(lingering_, [](HeldThreads& threads) { return threads.release(); });
}

}  // namespace leakgate::capture
