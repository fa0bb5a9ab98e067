// SPDX-License-Identifier: Apache-2.0
// A process writes to its region until it ends, and may write what it likes: bounds are checked at each read.
#include "harness/capture/preload/process_ledgers.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "harness/capture/live_name.h"
#include "harness/capture/preload/shared_word.h"

namespace leakgate::capture {

using preload::Process;
using preload::Thread;

ProcessLedgers::ProcessLedgers(std::shared_ptr<SharedFile> file, std::uint32_t max_processes, bool all_stacks)
    : file_(std::move(file)), max_processes_(max_processes), all_stacks_(all_stacks), stacks_(file_) {}

void ProcessLedgers::begin(std::uint32_t process) {
  if (process != max_processes_) active_.insert(process);
}

bool ProcessLedgers::is_used(std::uint32_t process) const {
  return !retired_.contains(process) && load(file_->process(process).ready) != 0;
}

lg_proc ProcessLedgers::sum_up(std::uint32_t index) const {
  const Process& process = file_->process(index);
  lg_proc sum = process.figures;
  preload::ThreadCounts all{};
  const std::uint32_t threads = std::min(load(process.threads), preload::kMaxThreads);
  for (std::uint32_t i = 0; i < threads; ++i)
    all.add(file_->get<preload::ThreadCounts>(
                index, preload::kThreadsAt + i * preload::kThreadStride + offsetof(Thread, counts)),
            process.epoch);
  all.write_to(sum);
  return sum;
}

void ProcessLedgers::add_peaks(std::uint32_t index, lg_totals& totals) const {
  const Process& process = file_->process(index);
  const auto peak_blocks = static_cast<std::uint64_t>(process.peak_live_blocks);
  const auto peak_bytes = static_cast<std::uint64_t>(process.peak_live_bytes);
  totals.peak_live_blocks = std::max<std::uint64_t>(totals.peak_live_blocks, peak_blocks);
  totals.peak_live_bytes = std::max<std::uint64_t>(totals.peak_live_bytes, peak_bytes);
  totals.unknown_frees += process.unknown_frees;
  totals.left_out += process.left_out;
}

std::uint64_t ProcessLedgers::patches_failed() const {
  std::uint64_t failed = retired_patches_failed_;
  for (const std::uint32_t index : active_)
    if (is_used(index)) failed += file_->get<preload::Region>(index, 0).patches_failed;
  return failed;
}

lg_totals ProcessLedgers::totals() const {
  lg_totals totals = retired_totals_;
  totals.processes = std::min(load(file_->header().processes), max_processes_);
  for (const std::uint32_t index : active_) {
    const Process& process = file_->process(index);
    totals.live_blocks += static_cast<std::uint64_t>(std::max<std::int64_t>(process.live_blocks, 0));
    totals.live_bytes += static_cast<std::uint64_t>(std::max<std::int64_t>(process.live_bytes, 0));
    if (all_stacks_ && is_used(index)) stacks_.add_all(index);
    add_peaks(index, totals);
  }
  // room is made for so many: the counters may be overwritten, but each block takes memory
  totals.live_blocks = std::min<std::uint64_t>(totals.live_blocks, file_->written_bytes() / sizeof(lg_live));
  totals.stacks = stacks_.count();
  return totals;
}

void ProcessLedgers::check_counts(std::uint32_t process, const lg_proc& figures, std::uint64_t blocks) {
  const std::uint32_t threads = std::min(load(file_->process(process).threads), preload::kMaxThreads);
  if (figures.index != process || !do_counts_fit(figures.allocations, figures.frees, blocks, threads))
    damaged_.insert(process);
}

Result<lg_proc> ProcessLedgers::process(std::uint32_t index) const {
  if (const auto retired = retired_.find(index); retired != retired_.end()) return retired->second;
  if (index > max_processes_ || !is_used(index))
    return Error{ErrorKind::not_found, "no such process image", "", 0};
  return sum_up(index);
}

LedgerBounds ProcessLedgers::bounds_of(std::uint32_t process) const {
  return {file_->get<preload::Region>(process, 0).stacks, file_->process(process).figures.last_test};
}

template <typename Take>
void ProcessLedgers::take_bucket(std::uint32_t process, std::uint64_t left, const LiveBucket& bucket,
                                 LedgerBounds& bounds, Take&& take) {
  for (std::size_t slot = 0; slot < LG_LIVE_SLOTS; ++slot) {
    const std::uint64_t name = load(bucket.entries[slot].name);
    if (name == 0 || name == LG_LIVE_CLAIMED || (name & LG_LIVE_LEFT) != left) continue;
    const lg_live_key key = left ? live_key(name) : lg_live_key{name, process, 0};
    lg_live block = bucket.entries[slot].block;
    // other threads may run, and have made new stacks and windows since
    if (!is_possible(key.addr, block, bounds) && !is_possible(key.addr, block, bounds = bounds_of(process))) {
      damaged_.insert(process);
      continue;
    }
    block.stack = stacks_.id(process, block.stack);
    take(slot, key, block);
  }
}

bool ProcessLedgers::visit_region(std::uint32_t process, std::uint64_t left,
                                  const std::function<bool(const lg_live_key&, const lg_live&)>& visit) {
  LedgerBounds bounds = bounds_of(process);
  return file_->visit_written(
      process, preload::kLiveAt, preload::kLiveBytes, [&](std::uint64_t offset, std::span<std::byte> bytes) {
        for (std::size_t at = 0; at + sizeof(LiveBucket) <= bytes.size(); at += sizeof(LiveBucket))
          take_bucket(process, left, *reinterpret_cast<const LiveBucket*>(bytes.data() + at), bounds,
                      [&](std::size_t slot, const lg_live_key& key, const lg_live& block) {
                        if (visit(key, block))
                          file_->put(process, offset + at + slot * sizeof(preload::LiveEntry),
                                     std::uint64_t{0});
                      });
      });
}

std::optional<std::vector<ProcessLedgers::Found>> ProcessLedgers::blocks_in_view(std::uint32_t process) {
  constexpr std::uint32_t kTiers = 2;  // beyond, most pages are written
  constexpr std::uint64_t kBytes =
      (preload::first_bucket(kTiers - 1) + preload::buckets_in(kTiers - 1)) * sizeof(LiveBucket);
  if (file_->get<preload::Region>(process, 0).live_tiers > kTiers) return std::nullopt;
  std::array<std::byte, kBytes / preload::kLivePage> written;
  if (!file_->read(process, preload::kLivePagesAt, written)) return std::nullopt;
  const auto view = views_.try_emplace(process, file_->view(process, preload::kLiveAt, kBytes)).first;
  const std::span<const std::byte> bytes = view->second.bytes();
  if (bytes.empty()) return std::nullopt;
  LedgerBounds bounds = bounds_of(process);
  std::vector<Found> found;
  for (std::size_t page = 0; page < written.size(); ++page) {
    if (written[page] == std::byte{0}) continue;
    for (std::uint64_t at = page * preload::kLivePage; at < (page + 1) * preload::kLivePage;
         at += sizeof(LiveBucket))
      take_bucket(process, 0, *reinterpret_cast<const LiveBucket*>(bytes.data() + at), bounds,
                  [&](std::size_t slot, const lg_live_key& key, const lg_live& block) {
                    found.push_back({preload::kLiveAt + at + slot * sizeof(preload::LiveEntry), key, block});
                  });
  }
  // the target can overwrite what it likes: only what is as many as was counted is believed to be all
  const lg_proc figures = sum_up(process);
  if (figures.allocations - figures.frees != found.size()) return std::nullopt;
  return found;
}

bool ProcessLedgers::visit_all(std::uint32_t process,
                               const std::function<bool(const lg_live_key&, const lg_live&)>& visit) {
  const auto found = blocks_in_view(process);
  if (!found) return visit_region(process, 0, visit);
  for (const Found& each : *found)
    if (visit(each.key, each.block)) file_->put(process, each.offset, std::uint64_t{0});
  return true;
}

Status ProcessLedgers::visit_live(const std::function<bool(const lg_live_key&, const lg_live&)>& visit) {
  for (auto& [process, blocks] : kept_)
    std::erase_if(blocks, [&](const Block& block) { return visit(block.first, block.second); });
  for (const std::uint32_t index : active_)
    if (is_used(index) && !visit_region(index, 0, visit)) unreadable_ = true;
  const std::uint32_t canary = max_processes_;
  if (is_used(canary) && !visit_region(canary, 0, visit)) unreadable_ = true;
  if (unreadable_) return Error{ErrorKind::io, "the ledger could not be read whole", "", 0};
  return {};
}

Status ProcessLedgers::visit_live_of(std::uint32_t process,
                                     const std::function<bool(const lg_live_key&, const lg_live&)>& visit) {
  if (const auto kept = kept_.find(process); kept != kept_.end())
    std::erase_if(kept->second, [&](const Block& block) { return visit(block.first, block.second); });
  else if (process <= max_processes_ && is_used(process) && !visit_all(process, visit))
    unreadable_ = true;
  if (unreadable_) return Error{ErrorKind::io, "the ledger could not be read whole", "", 0};
  return {};
}

void ProcessLedgers::visit_left_by(std::uint32_t process,
                                   const std::function<bool(const lg_live_key&, const lg_live&)>& visit) {
  if (process >= max_processes_ || !is_used(process) || load(file_->process(process).left) == 0) return;
  std::uint32_t taken_out = 0;
  const bool whole = visit_region(process, LG_LIVE_LEFT, [&](const lg_live_key& key, const lg_live& block) {
    const bool takes = visit(key, block);
    taken_out += takes ? 1 : 0;
    return takes;
  });
  unreadable_ = unreadable_ || !whole;
  __atomic_fetch_sub(&file_->process(process).left, taken_out, __ATOMIC_RELAXED);
}

bool ProcessLedgers::retire(std::uint32_t process) {
  if (process >= max_processes_ || retired_.contains(process)) return false;
  if (!is_used(process)) damaged_.insert(process);  // it was, or nobody would have told of it
  // those that freed are of use to those that leaked, up to where SessionTracer reads them
  const std::uint32_t stacks = file_->get<preload::Region>(process, 0).stacks;
  if (all_stacks_ || stacks_.count() + stacks <= LG_HINT_STACKS) stacks_.add_all(process);
  std::vector<Block>& blocks = kept_[process];
  const bool whole = visit_region(process, 0, [&](const lg_live_key& key, const lg_live& block) {
    blocks.emplace_back(key, block);
    return false;
  });
  unreadable_ = unreadable_ || !whole;
  stacks_.keep(process);
  retired_patches_failed_ += file_->get<preload::Region>(process, 0).patches_failed;
  const auto figures = retired_.emplace(process, sum_up(process)).first;
  check_counts(process, figures->second, blocks.size());
  add_peaks(process, retired_totals_);
  active_.erase(process);
  views_.erase(process);
  file_->drop(process);
  return true;
}

}  // namespace leakgate::capture
