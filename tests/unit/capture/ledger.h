// SPDX-License-Identifier: Apache-2.0
// A ledger of the preload backend, as the library leaves it, and the session that reads it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <vector>

#include "harness/capture/preload/preload_session.h"
#include "harness/capture/trace_log.h"

namespace leakgate::capture {

using preload::FrameHead;
using preload::LiveBucket;
using preload::Process;
using preload::Region;

inline constexpr std::uint64_t kSizes[] = {16, 24, 4000};

/// One process with three live blocks from one stack of two frames, as the library leaves it.
class Ledger : public testing::Test {
 protected:
  void SetUp() override { make(); }

  void make() {
    session_.reset();
    auto made = SharedFile::make();
    ASSERT_TRUE(made) << made.error().message;
    file_ = std::make_shared<SharedFile>(std::move(*made));
    TracedTarget target;
    target.pid = ::getpid();
    auto session = PreloadSession::open(file_, TracerOptions(), target);
    ASSERT_TRUE(session) << session.error().message;
    session_ = std::move(*session);
    fill_process();
    fill_region();
    tell(exec_record());
    drain();
  }

  void fill_process() {
    Process& process = file_->process(0);
    process.figures.pid = process.figures.tgid = static_cast<std::uint32_t>(::getpid());
    process.figures.last_test = 5;
    process.threads = 1;
    process.live_blocks = std::size(kSizes);
    process.ready = 1;
    file_->header().processes = 1;
  }

  void fill_region() {
    Region region{};
    region.live_tiers = 1;
    region.frame_words = 3;
    region.stacks = 1;
    put(0, region);
    put(preload::kFramesAt + 8, FrameHead{0, 0, 2});
    put(preload::kFramesAt + 16, std::uint64_t{0x1001});
    put(preload::kFramesAt + 24, std::uint64_t{0x1002});
    lg_stack stack{};
    stack.node = 1;
    stack.function = LG_FN_malloc;
    put_stack(1, stack);
    LiveBucket bucket{};
    for (std::size_t i = 0; i < std::size(kSizes); ++i) {
      bucket.entries[i].name = 0x500000 + i * 0x10000;
      bucket.entries[i].block = {kSizes[i], 1, static_cast<std::uint32_t>(i), 1, 7};
    }
    put(preload::kLiveAt, bucket);
    put(preload::kThreadsAt + offsetof(preload::Thread, counts.outside), std::uint64_t{std::size(kSizes)});
  }

  void put_stack(std::uint32_t number, const lg_stack& stack) {
    put(preload::kStacksAt + number * sizeof(preload::StackSlot) + offsetof(preload::StackSlot, stack),
        stack);
  }
  template <typename T>
  void put(std::uint64_t offset, const T& value) {
    file_->put(0, offset, value);
  }

  static lg_record_exec exec_record() {
    lg_record_exec record{};
    record.head = {LG_REC_EXEC, 0, 1};
    record.pid = static_cast<std::uint32_t>(::getpid());
    return record;
  }

  template <typename Record>
  void tell(const Record& record, std::uint32_t bytes = sizeof(Record)) {
    preload::Header& header = file_->header();
    auto* const slots = reinterpret_cast<preload::RingSlot*>(file_->control(preload::kRingAt));
    preload::RingSlot& slot = slots[header.ring_next % header.ring_slots];
    std::memcpy(slot.record, &record, sizeof record);
    slot.bytes = bytes;
    slot.sequence = ++header.ring_next;
  }

  std::vector<std::uint32_t> drain() {
    std::vector<std::uint32_t> types;
    const auto take = [&](const lg_record& record, std::size_t size) {
      types.push_back(record.type);
      log_.take(record, size);
    };
    EXPECT_TRUE(session_->drain_records(take));
    return types;
  }

  std::vector<std::uint64_t> sizes() {
    std::vector<std::uint64_t> sizes;
    EXPECT_TRUE(session_->visit_live([&](const lg_live_key&, const lg_live& block) {
      sizes.push_back(block.size);
      return false;
    }));
    return sizes;
  }

  /// Likewise, of the process while it runs.
  std::vector<std::uint64_t> sizes_now(bool take_out = false) {
    std::vector<std::uint64_t> sizes;
    EXPECT_TRUE(session_->visit_live_of(0, [&](const lg_live_key&, const lg_live& block) {
      sizes.push_back(block.size);
      return take_out;
    }));
    return sizes;
  }

  /// A block more than fill_region() makes, in the second page of the table.
  void put_further_block(std::uint64_t bytes) {
    LiveBucket bucket{};
    bucket.entries[3].name = 0x900000;
    bucket.entries[3].block = {bytes, 1, 0, 1, 7};
    put(preload::kLiveAt + preload::kLivePage, bucket);
  }

  std::uint64_t damages() { return session_->own_losses().at("ledger_damaged"); }

  std::shared_ptr<SharedFile> file_;
  std::unique_ptr<Session> session_;
  TraceLog log_{::getpid()};
};

}  // namespace leakgate::capture
