// SPDX-License-Identifier: Apache-2.0
// The reading side of the preload backend on ledgers that were made here: whole ones, and such as a program
// leaves that writes where it has no business.
#include "harness/capture/preload/preload_session.h"

#include <sys/wait.h>

#include <algorithm>
#include <random>

#include "harness/capture/family_ledger.h"
#include "tests/unit/capture/ledger.h"

namespace leakgate::capture {
namespace {

/// What forks leave in it: blocks of the process's past, and places of its parent's.
TEST_F(Ledger, WhatIsLeftToChildrenIsNoLiveBlock) {
  constexpr std::uint64_t kChild = 700, kOwn = 0;
  LiveBucket bucket{};
  bucket.entries[0].name = 0x700010 | LG_LIVE_LEFT | kChild << LG_LIVE_PROC_SHIFT;
  bucket.entries[0].block = {48, 1, 0, 1, 9};
  bucket.entries[1].name = 0x700040 | LG_LIVE_LEFT | LG_LIVE_GONE | kOwn << LG_LIVE_PROC_SHIFT;
  bucket.entries[1].block = {0, 0, 0, 0, 11};
  put(preload::kLiveAt + sizeof bucket, bucket);
  file_->process(0).left = 2;
  file_->process(0).left_out = 3;
  EXPECT_EQ(sizes(), std::vector<std::uint64_t>(std::begin(kSizes), std::end(kSizes)));
  EXPECT_EQ(sizes_now(), std::vector<std::uint64_t>(std::begin(kSizes), std::end(kSizes)));
  struct Row {
    std::uint64_t address;
    std::uint32_t process, gone;
    std::uint64_t bytes;
    bool operator==(const Row&) const = default;
  };
  std::vector<Row> rows;
  const auto take_gone = [&](const lg_live_key& key, const lg_live& block) {
    rows.push_back({key.addr, key.proc, key.gone, block.size});
    return key.gone != 0;
  };
  session_->visit_left_by(0, take_gone);
  EXPECT_EQ(rows, (std::vector<Row>{{0x700010, kChild, 0, 48}, {0x700040, kOwn, 1, 0}}));
  rows.clear();
  session_->visit_left_by(0, take_gone);
  EXPECT_EQ(rows, (std::vector<Row>{{0x700010, kChild, 0, 48}})) << "the other one was taken out";
  EXPECT_EQ(file_->process(0).left, 1u) << "there is room for another one";
  EXPECT_EQ(session_->totals().left_out, 3u);
  session_->retire(0);
  EXPECT_EQ(session_->totals().left_out, 3u);
  EXPECT_EQ(damages(), 0u);
}

/// Told of, and of this process; of another one; one that never came; and one of which the record is to come.
TEST_F(Ledger, WhatIsLeftToTheProcessesChildrenIsFoundAndForgotten) {
  constexpr std::uint64_t kChild = 3, kOthers = 4, kFailed = 5, kLast = 6, kLater = 7;
  LiveBucket bucket{};
  for (std::uint64_t child = kChild; child <= kLater; ++child) {
    preload::LiveEntry& entry = bucket.entries[child - kChild];
    entry.name = (0x700000 + child * 16) | LG_LIVE_LEFT | child << LG_LIVE_PROC_SHIFT;
    entry.block = {child, 1, 0, 1, 9};
    file_->process(static_cast<std::uint32_t>(child)).figures.parent = child == kOthers ? 1 : 0;
    file_->process(static_cast<std::uint32_t>(child)).ready = child == kFailed || child == kLater ? 0 : 1;
  }
  put(preload::kLiveAt + sizeof bucket, bucket);
  file_->process(0).left = 5;
  const auto family = make_family_ledger(*session_);
  const auto children = [&] {
    std::vector<std::uint64_t> numbers;
    for (const FamilyLedger::Left& each : family->freed_by(0).left)
      numbers.push_back(each.child);
    return numbers;
  };
  EXPECT_EQ(children(), (std::vector<std::uint64_t>{kChild, kFailed, kLast, kLater}));
  family->forget(0, {kChild, kLast});
  EXPECT_EQ(children(), std::vector<std::uint64_t>{kLater}) << "it may be on its way";
}

TEST_F(Ledger, WithoutHeirsNothingIsLeftUnlessItHasForkedAgain) {
  auto& left_before = file_->process(0).figures.left_before;
  left_before = 5ull << 32 | 100;
  session_->end_heirs_of(0, 4);
  EXPECT_EQ(left_before, 5ull << 32 | 100) << "of the fork after that nothing was heard yet";
  session_->end_heirs_of(0, 5);
  EXPECT_EQ(left_before, 0u);
}

TEST_F(Ledger, AWholeOneIsReadAndNotSaidToBeDamaged) {
  EXPECT_EQ(sizes(), std::vector<std::uint64_t>(std::begin(kSizes), std::end(kSizes)));
  const auto stack = session_->stack(1);
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->frames, (std::vector<std::uint64_t>{0x1002, 0x1001}));
  session_->retire(0);
  EXPECT_EQ(sizes().size(), std::size(kSizes));
  EXPECT_EQ(damages(), 0u);
}

TEST_F(Ledger, OnlyPagesThatAreToldOfAreLookedAtWhereThatIsAll) {
  const std::vector<std::uint64_t> all(std::begin(kSizes), std::end(kSizes));
  put(preload::kLivePagesAt, std::uint8_t{1});
  put_further_block(99);  // counted by nobody
  EXPECT_EQ(sizes_now(), all);
  EXPECT_EQ(sizes_now(true), all) << "and they can be taken out";
  EXPECT_EQ(sizes_now(), std::vector<std::uint64_t>{99}) << "what is not counted is found then, by looking";
}

TEST_F(Ledger, ABlockInAPageThatNobodyToldOfIsFound) {
  std::vector<std::uint64_t> all(std::begin(kSizes), std::end(kSizes));
  EXPECT_EQ(sizes_now(), all) << "no page is told of";
  put(preload::kLivePagesAt, std::uint8_t{1});
  put_further_block(99);
  put(preload::kThreadsAt + offsetof(preload::Thread, counts.outside), std::uint64_t{std::size(kSizes) + 1});
  all.push_back(99);
  EXPECT_EQ(sizes_now(), all);
  put(preload::kLivePagesAt + 1, std::uint8_t{1});
  EXPECT_EQ(sizes_now(), all);
  EXPECT_EQ(damages(), 0u);
}

TEST_F(Ledger, WhereOthersWereFreedIsToldByItsOwnStack) {
  lg_stack stack{};
  stack.node = 1;
  stack.function = LG_FN_malloc;
  stack.freed_by = 2;
  put_stack(1, stack);
  put(preload::kFramesAt + 32, FrameHead{1, 1, 0});
  put(offsetof(Region, frame_words), std::uint32_t{4});
  stack.node = 4;
  stack.function = LG_FN_free;
  stack.freed_by = 0;
  put_stack(2, stack);
  put(offsetof(Region, stacks), std::uint32_t{2});
  session_->retire(0);
  const auto own = session_->stack(1);
  ASSERT_TRUE(own);
  const auto freed_by = session_->stack(own->counters.freed_by);
  ASSERT_TRUE(freed_by);
  EXPECT_EQ(freed_by->frames, std::vector<std::uint64_t>{0x1001});
  EXPECT_EQ(damages(), 0u);
}

TEST_F(Ledger, AStackThatWasNotFinishedIsNoDamage) {
  put(offsetof(Region, stacks), std::uint32_t{2});
  session_->retire(0);
  EXPECT_EQ(damages(), 0u);
}

TEST_F(Ledger, ABlockThatIsGoneWithoutAFreeIsDamage) {
  put(preload::kLiveAt, LiveBucket{});
  session_->retire(0);
  EXPECT_EQ(damages(), 1u);
}

TEST_F(Ledger, ABlockThatNoAllocationMadeIsDamage) {
  LiveBucket bucket{};
  for (std::uint64_t i = 0; i < LG_LIVE_SLOTS; ++i) {
    bucket.entries[i].name = 0x900000 + i * 64;
    bucket.entries[i].block = {16, 1, 0, 1, 7};
  }
  put(preload::kLiveAt + sizeof bucket, bucket);
  session_->retire(0);
  EXPECT_EQ(damages(), 1u);
}

TEST_F(Ledger, ACallThatTheEndInterruptedIsNoDamage) {
  put(preload::kThreadsAt + offsetof(preload::Thread, counts.outside), std::uint64_t{std::size(kSizes) - 1});
  session_->retire(0);
  EXPECT_EQ(damages(), 0u);
}

TEST_F(Ledger, BlocksThatCannotBeAreLeftOut) {
  const lg_live kImpossible[] = {{~std::uint64_t{0}, 1, 0, 1, 7}, {16, 2, 0, 1, 7}, {16, 1, 6, 1, 7}};
  LiveBucket bucket{};
  for (std::size_t i = 0; i < std::size(kImpossible); ++i) {
    bucket.entries[i].name = 0x900000 + i * 64;
    bucket.entries[i].block = kImpossible[i];
  }
  put(preload::kLiveAt + sizeof bucket, bucket);
  EXPECT_EQ(sizes().size(), std::size(kSizes));
  EXPECT_EQ(damages(), 1u);
}

TEST_F(Ledger, MemoryInHandThatCannotBeIsLeftOut) {
  preload::Thread thread{};
  thread.tid = static_cast<std::uint32_t>(::getpid());
  thread.moving = 0x500000;
  thread.moving_bytes = 16;
  thread.given = 0x7f0000000000;
  thread.given_bytes = ~std::uint64_t{0};
  put(preload::kThreadsAt + offsetof(preload::Thread, tid), thread.tid);
  for (const std::size_t offset :
       {offsetof(preload::Thread, moving), offsetof(preload::Thread, moving_bytes),
        offsetof(preload::Thread, given), offsetof(preload::Thread, given_bytes)}) {
    std::uint64_t word = 0;
    std::memcpy(&word, reinterpret_cast<const char*>(&thread) + offset, sizeof word);
    put(preload::kThreadsAt + offset, word);
  }
  for (int i = 0; i < 2; ++i) {
    const auto states = session_->threads(::getpid());
    ASSERT_TRUE(states);
    const auto own = std::find_if(states->begin(), states->end(),
                                  [&](const lg_thread_state& state) { return state.tid == thread.tid; });
    ASSERT_NE(own, states->end());
    EXPECT_EQ(own->moving, 0x500000u);
    EXPECT_EQ(own->moving_bytes, 16u);
    EXPECT_EQ(own->given, 0u);
    EXPECT_EQ(own->given_bytes, 0u);
    EXPECT_EQ(damages(), 1u);
  }
}

TEST_F(Ledger, AStackOfFramesThatAreNotThereIsUnknown) {
  put(preload::kFramesAt + 24, std::uint64_t{0});
  sizes();
  const auto stack = session_->stack(1);
  ASSERT_TRUE(stack);
  EXPECT_TRUE(stack->frames.empty());
  EXPECT_EQ(damages(), 1u);
}

TEST_F(Ledger, AProcessThatIsTakenOutOfItIsDamage) {
  file_->process(0) = Process{};
  session_->retire(0);
  EXPECT_GE(damages(), 1u);
}

TEST_F(Ledger, AHeaderThatSomebodyElseWroteIsDamage) {
  file_->header().max_threads = 1;
  EXPECT_EQ(damages(), 1u);
}

TEST_F(Ledger, ARingWithoutBoundsIsBegunAnew) {
  file_->header().ring_next = 1u << 30;
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(damages(), 1u);
  tell(exec_record());
  EXPECT_EQ(drain(), std::vector<std::uint32_t>{LG_REC_EXEC});
}

/// A record that its writer began, and the next one.
TEST_F(Ledger, ARecordWhoseWriterWasKilledIsNotWaitedFor) {
  const pid_t writer = ::fork();
  if (writer == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(writer, nullptr, 0), writer);
  preload::Header& header = file_->header();
  auto* const slots = reinterpret_cast<preload::RingSlot*>(file_->control(preload::kRingAt));
  slots[header.ring_next++ % header.ring_slots].writer = static_cast<std::uint32_t>(writer);
  tell(exec_record());
  EXPECT_EQ(drain(), std::vector<std::uint32_t>{LG_REC_EXEC});
  EXPECT_EQ(session_->lost()[LG_LOST_ring_full], 0u) << "it is as if it had been killed before";
  EXPECT_EQ(damages(), 0u);
}

TEST_F(Ledger, ARecordWhoseWriterLivesOrIsNotKnownIsWaitedFor) {
  preload::Header& header = file_->header();
  auto* const slots = reinterpret_cast<preload::RingSlot*>(file_->control(preload::kRingAt));
  for (const pid_t writer : {::getpid(), 0}) {
    preload::RingSlot& slot = slots[header.ring_next % header.ring_slots];
    slot.writer = static_cast<std::uint32_t>(writer);
    const std::uint64_t ticket = header.ring_next++;
    EXPECT_TRUE(drain().empty());
    const lg_record_exec record = exec_record();
    std::memcpy(slot.record, &record, sizeof record);
    slot.bytes = sizeof record;
    slot.sequence = ticket + 1;
    EXPECT_EQ(drain(), std::vector<std::uint32_t>{LG_REC_EXEC});
    EXPECT_EQ(slot.writer, 0u) << "the next one is not taken for its writer's";
  }
}

TEST_F(Ledger, AnEndThatTheLibraryTellsOfIsNotBelieved) {
  lg_record_exit record{};
  record.head = {LG_REC_EXIT, 0, 1};
  tell(record);
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(damages(), 1u);
}

TEST_F(Ledger, ARecordThatIsTooShortOrTooLongIsDamage) {
  const std::uint32_t kBytes[] = {0, sizeof(lg_record) - 1, sizeof(lg_record), sizeof(lg_record_exec) - 1,
                                  preload::kRecordBytes + 1};
  for (const std::uint32_t bytes : kBytes)
    tell(exec_record(), bytes);
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(damages(), std::size(kBytes));
}

TEST_F(Ledger, ARecordOfATypeThatNoLibraryWritesIsDamage) {
  for (const std::uint32_t type : {0u, static_cast<unsigned>(LG_REC_GROW), 99u, 103u}) {
    lg_record_exec record = exec_record();
    record.head.type = type;
    tell(record);
  }
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(damages(), 4u);
}

TEST_F(Ledger, AForkOfAProcessThatThereIsNoRoomForIsDamage) {
  for (const std::uint32_t child : {preload::kMaxProcesses, ~0u}) {
    lg_record_fork record{};
    record.head = {LG_REC_FORK, 0, 1};
    record.child = child;
    record.pid = static_cast<std::uint32_t>(::getpid());
    tell(record);
  }
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(damages(), 2u);
}

TEST_F(Ledger, CountersDoNotSayForHowManyBlocksThereIsRoom) {
  file_->process(0).live_blocks = std::int64_t{1} << 62;
  EXPECT_LT(session_->totals().live_blocks, 1u << 24);
}

/// Whatever stands there, reading it comes to an end and stays in bounds (under the sanitizers, too).
class AnyLedger : public Ledger, public testing::WithParamInterface<unsigned> {
 protected:
  void scribble(std::uint64_t bytes, const std::function<void(std::uint64_t, std::uint8_t)>& write) {
    const std::uint64_t count = 1 + random_() % 64;
    for (std::uint64_t i = 0; i < count; ++i)
      write(random_() % bytes, static_cast<std::uint8_t>(random_() % 3 == 0 ? 0xff : random_()));
  }

  void scribble_all() {
    for (const auto& [at, bytes] : {std::pair<std::uint64_t, std::uint64_t>{0, sizeof(preload::Header)},
                                    {preload::kProcessesAt, 2 * preload::kProcessStride},
                                    {preload::kRingAt, 8 * sizeof(preload::RingSlot)}})
      if (random_() % 2 == 0)
        scribble(bytes, [&, at = at](std::uint64_t i, std::uint8_t byte) {
          *file_->control(at + i) = std::byte{byte};
        });
    for (const auto& [at, bytes] : {std::pair<std::uint64_t, std::uint64_t>{0, sizeof(Region)},
                                    {preload::kThreadsAt, 2 * preload::kThreadStride},
                                    {preload::kFramesAt, 128},
                                    {preload::kStacksAt, 4 * sizeof(preload::StackSlot)},
                                    {preload::kLiveAt, 4 * sizeof(LiveBucket)}})
      if (random_() % 2 == 0)
        scribble(bytes, [&, at = at](std::uint64_t i, std::uint8_t byte) { put(at + i, byte); });
  }

  void tell_anything() {
    struct Raw {
      std::uint32_t words[preload::kRecordBytes / 4];
    } raw{};
    for (std::uint32_t& word : raw.words)
      word = static_cast<std::uint32_t>(random_() % 4 ? random_() % 4 : random_());
    raw.words[0] = static_cast<std::uint32_t>(random_() % 24);
    tell(raw, static_cast<std::uint32_t>(random_() % 5000));
  }

  std::mt19937_64 random_{GetParam()};
};

TEST_P(AnyLedger, IsReadToTheEnd) {
  for (int turn = 0; turn < 20; ++turn) {
    make();
    for (int i = 0; i < 6; ++i)
      tell_anything();
    scribble_all();
    drain();
    (void)session_->totals();
    (void)session_->process(0);
    (void)session_->threads(::getpid());
    std::vector<std::uint32_t> stacks;
    (void)session_->visit_live([&](const lg_live_key&, const lg_live& block) {
      if (stacks.size() < 100) stacks.push_back(block.stack);
      return false;
    });
    for (const std::uint32_t stack : stacks)
      (void)session_->stack(stack);
    session_->retire(0);
    (void)session_->own_losses();
    (void)session_->lost();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyLedger, testing::Range(1u, 11u));

}  // namespace
}  // namespace leakgate::capture
