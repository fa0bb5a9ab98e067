// SPDX-License-Identifier: Apache-2.0
// The probe planner on short hand-made functions: each shows one rule.
#include "harness/capture/planner/probe_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <random>
#include <string>
#include <vector>

namespace leakgate::capture {
namespace {

using ::testing::HasSubstr;

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t kVaddr = 0x401000;
constexpr std::uint64_t kFileOffset = 0x1000;
constexpr ArgumentSet kRdi = 1, kRsi = 2, kRdx = 4;

// Instructions the tests are put together from.
const Bytes kEndbr64 = {0xf3, 0x0f, 0x1e, 0xfa};
const Bytes kPushRbp = {0x55};
const Bytes kPushR12 = {0x41, 0x54};
const Bytes kPush16 = {0x66, 0x55};
const Bytes kPushRbpRexW = {0x48, 0x55};
const Bytes kMovRbxRdi = {0x48, 0x89, 0xfb};
const Bytes kMovEdiEax = {0x89, 0xc7};
const Bytes kXorEsiEsi = {0x31, 0xf6};
const Bytes kTestRdiRdi = {0x48, 0x85, 0xff};
const Bytes kTestEdiEdi = {0x85, 0xff};
const Bytes kCmpRdiZero = {0x48, 0x83, 0xff, 0x00};
const Bytes kTestRsiRsi = {0x48, 0x85, 0xf6};
const Bytes kSubRsp24 = {0x48, 0x83, 0xec, 0x18};
const Bytes kMovRaxMem = {0x48, 0x8b, 0x05, 0x00, 0x10, 0x00, 0x00};
const Bytes kCmpbMem = {0x80, 0x3d, 0x00, 0x10, 0x00, 0x00, 0x00};
const Bytes kNop = {0x90};
const Bytes kNop5 = {0x0f, 0x1f, 0x44, 0x00, 0x00};
const Bytes kNopWithCsPrefix = {0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00};
const Bytes kXchgR8Eax = {0x41, 0x90};
const Bytes kInt3 = {0xcc};
const Bytes kLockIncMem = {0xf0, 0xff, 0x05, 0x00, 0x10, 0x00, 0x00};
const Bytes kCall = {0xe8, 0x00, 0x10, 0x00, 0x00};
const Bytes kJmpFar = {0xe9, 0x00, 0x10, 0x00, 0x00};
const Bytes kJzFar = {0x0f, 0x84, 0x00, 0x10, 0x00, 0x00};
const Bytes kJnzFar = {0x0f, 0x85, 0x00, 0x10, 0x00, 0x00};
const Bytes kJmpRax = {0xff, 0xe0};
const Bytes kJmpThroughSlot = {0xff, 0x25, 0x00, 0x10, 0x00, 0x00};
const Bytes kMulRdx = {0x48, 0xf7, 0xe2};
const Bytes kRepStosb = {0xf3, 0xaa};
const Bytes kRet = {0xc3};
const Bytes kGarbage = {0x06, 0x06};

/// jmp rel8 whose displacement leads from its end to `target`, both counted from the function's start.
Bytes jump_back(std::size_t at, std::size_t target) {
  return {0xeb, static_cast<std::uint8_t>(target - (at + 2))};
}

Bytes code(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

ProbeTarget target_of(const Bytes& bytes) {
  ProbeTarget target;
  target.code = {bytes, kVaddr};
  target.size_bytes = bytes.size();
  target.file_offset = kFileOffset;
  return target;
}

ProbePlan plan(const Bytes& bytes, const ProbeNeeds& needs = {}) {
  auto made = plan_probe(target_of(bytes), needs);
  EXPECT_TRUE(made) << made.error().message;
  return made ? *made : ProbePlan{};
}

void expect_at(const ProbePlan& made, std::uint64_t offset, CostClass cost) {
  EXPECT_EQ(made.offset_in_function, offset) << made.instruction << ": " << made.reason;
  EXPECT_EQ(made.cost, cost) << made.instruction;
  EXPECT_EQ(made.vaddr, kVaddr + offset);
  EXPECT_EQ(made.file_offset, kFileOffset + offset);
  EXPECT_FALSE(made.instruction.empty());
  EXPECT_FALSE(made.reason.empty());
}

ProbeNeeds pair() {
  ProbeNeeds needs;
  needs.with_return = true;
  return needs;
}

ProbeNeeds null_may_be_skipped() {
  ProbeNeeds needs;
  needs.arguments = kRdi;
  needs.may_skip_null_first_argument = true;
  return needs;
}

TEST(ProbePlanner, APushAtTheEntryIsTaken) {
  const auto made = plan(code({kPushR12, kPushRbp, kRet}), pair());
  expect_at(made, 0, CostClass::emulated);
  EXPECT_EQ(made.instruction, "push r12");
}

TEST(ProbePlanner, ASingleSteppedEntryIsPassedForTheNextPush) {
  expect_at(plan(code({kMovRbxRdi, kPushRbp, kRet}), pair()), 3, CostClass::emulated);
  expect_at(plan(code({kCmpbMem, kPushR12, kRet}), pair()), 7, CostClass::emulated);
}

TEST(ProbePlanner, Endbr64IsPassedForReturnProbesToo) {
  // It moves neither rsp nor an argument: at +4 the return address is still at [rsp].
  expect_at(plan(code({kEndbr64, kPushRbp, kRet}), pair()), 4, CostClass::emulated);
  expect_at(plan(code({kEndbr64, kJmpFar}), pair()), 4, CostClass::emulated);
  expect_at(plan(code({kEndbr64, kMovRbxRdi, kRet}), pair()), 0, CostClass::single_stepped);
}

TEST(ProbePlanner, NothingBehindAChangedStackPointerServesAReturnProbe) {
  expect_at(plan(code({kSubRsp24, kTestRdiRdi, kJzFar, kRet}), pair()), 0, CostClass::single_stepped);
}

TEST(ProbePlanner, EntryOnlyProbesMayStandBehindAChangedStackPointerIfAsked) {
  const Bytes bytes = code({kSubRsp24, kTestRsiRsi, kJzFar, kRet});
  expect_at(plan(bytes), 0, CostClass::single_stepped);
  ProbeNeeds needs;
  needs.may_move_stack = true;
  const auto made = plan(bytes, needs);
  expect_at(made, 7, CostClass::emulated);
  EXPECT_EQ(made.stack_moved_bytes, 24);
  needs.with_return = true;  // overrides
  EXPECT_EQ(plan(bytes, needs).offset_in_function, 0u);
}

TEST(ProbePlanner, AConditionalJumpIsFineItselfButNothingBehindIt) {
  expect_at(plan(code({kTestRdiRdi, kJzFar, kPushRbp, kRet})), 3, CostClass::emulated);
  expect_at(plan(code({kJzFar, kPushRbp, kRet})), 0, CostClass::emulated);
}

TEST(ProbePlanner, BehindTheNullTestOnlyIfTheCallerAllowsIt) {
  const Bytes bytes = code({kTestRdiRdi, kJzFar, kPushRbp, kRet});
  const auto made = plan(bytes, null_may_be_skipped());
  expect_at(made, 9, CostClass::emulated);
  EXPECT_THAT(made.reason, HasSubstr("null"));
  expect_at(plan(code({kCmpRdiZero, kJzFar, kPushRbp, kRet}), null_may_be_skipped()), 10,
            CostClass::emulated);
}

TEST(ProbePlanner, BranchesThatOnlyLookLikeTheNullTestAreNotPassed) {
  const auto needs = null_may_be_skipped();
  // null goes on, everything else leaves
  expect_at(plan(code({kTestRdiRdi, kJnzFar, kPushRbp, kRet}), needs), 3, CostClass::emulated);
  // half of the register, another register, flags overwritten in between
  expect_at(plan(code({kTestEdiEdi, kJzFar, kPushRbp, kRet}), needs), 2, CostClass::emulated);
  expect_at(plan(code({kTestRsiRsi, kJzFar, kPushRbp, kRet}), needs), 3, CostClass::emulated);
  expect_at(plan(code({kTestRdiRdi, kCmpbMem, kJzFar, kPushRbp, kRet}), needs), 10, CostClass::emulated);
}

TEST(ProbePlanner, BehindTheNullTestNothingEmulatedLeavesTheJumpItself) {
  expect_at(plan(code({kTestRdiRdi, kJzFar, kMovRbxRdi, kRet}), null_may_be_skipped()), 3,
            CostClass::emulated);
}

TEST(ProbePlanner, AChangedArgumentEndsTheSearch) {
  expect_at(plan(code({kXorEsiEsi, kPushRbp, kRet})), 0, CostClass::single_stepped);
  expect_at(plan(code({kMovEdiEax, kPushRbp, kRet})), 0, CostClass::single_stepped);  // the lower half counts
  expect_at(plan(code({kMulRdx, kPushRbp, kRet})), 0, CostClass::single_stepped);     // rdx is written unseen
  expect_at(plan(code({kRepStosb, kPushRbp, kRet})), 0, CostClass::single_stepped);   // so are rdi and rcx
}

TEST(ProbePlanner, ArgumentsNobodyNeedsMayChange) {
  ProbeNeeds needs;
  needs.arguments = kRdi;
  expect_at(plan(code({kXorEsiEsi, kPushRbp, kRet}), needs), 2, CostClass::emulated);
  needs.arguments = kRdi | kRsi;
  expect_at(plan(code({kMulRdx, kPushRbp, kRet}), needs), 3, CostClass::emulated);
  needs.arguments = kRdx;
  expect_at(plan(code({kMulRdx, kPushRbp, kRet}), needs), 0, CostClass::single_stepped);
}

TEST(ProbePlanner, ALoopBackIntoTheHeadKeepsTheProbeInFrontOfIt) {
  const Bytes head = code({kMovRbxRdi, kPushRbp, kMovRaxMem});
  const auto made = plan(code({head, jump_back(head.size(), 3)}));
  expect_at(made, 0, CostClass::single_stepped);
  EXPECT_THAT(made.reason, HasSubstr("leads to +3"));
  // behind the chosen instruction, and to the very start, loops do no harm that the entry would not do
  expect_at(plan(code({head, jump_back(head.size(), 4)})), 3, CostClass::emulated);
  expect_at(plan(code({head, jump_back(head.size(), 0)})), 3, CostClass::emulated);
}

TEST(ProbePlanner, ALoopBackFromTheColdPartCountsToo) {
  const Bytes bytes = code({kMovRbxRdi, kPushRbp, kRet});
  const Bytes cold = {0xe9, 0xfe, 0xfe, 0xff, 0xff};  // at +256, to +3
  ProbeTarget target = target_of(bytes);
  target.other_parts.push_back({cold, kVaddr + 256});
  const auto made = plan_probe(target, {});
  ASSERT_TRUE(made);
  expect_at(*made, 0, CostClass::single_stepped);
}

TEST(ProbePlanner, AnotherSymbolInTheHeadIsASideEntry) {
  const Bytes bytes = code({kMovRbxRdi, kPushRbp, kRet});
  ProbeTarget target = target_of(bytes);
  target.labels = {kVaddr, kVaddr + 3};
  expect_at(*plan_probe(target, {}), 0, CostClass::single_stepped);
  target.labels = {kVaddr, kVaddr + 4, kVaddr + 4096};
  expect_at(*plan_probe(target, {}), 3, CostClass::emulated);
}

TEST(ProbePlanner, ATakenAddressInTheHeadIsASideEntry) {
  const Bytes lea = {0x48, 0x8d, 0x05, 0xf8, 0xff, 0xff, 0xff};  // lea rax,[rip-8]: from +11 to +3
  expect_at(plan(code({kMovRbxRdi, kPushRbp, lea, kRet})), 0, CostClass::single_stepped);
}

TEST(ProbePlanner, AJumpTableMayLeadAnywhereButATailCallThroughASlotMayNot) {
  const auto made = plan(code({kMovRbxRdi, kPushRbp, kJmpRax}));
  expect_at(made, 0, CostClass::single_stepped);
  EXPECT_THAT(made.reason, HasSubstr("table"));
  expect_at(plan(code({kMovRbxRdi, kPushRbp, kJmpThroughSlot})), 3, CostClass::emulated);
}

TEST(ProbePlanner, NothingBehindACallOrAJump) {
  expect_at(plan(code({kMovRbxRdi, kCall, kPushRbp, kRet})), 3, CostClass::emulated);
  expect_at(plan(code({kMovRbxRdi, kJmpFar, kPushRbp})), 3, CostClass::emulated);
  expect_at(plan(code({kMovRbxRdi, kRet, kPushRbp, kRet})), 0, CostClass::single_stepped);
}

TEST(ProbePlanner, KnowsThePushesTheKernelDoesNotEmulate) {
  expect_at(plan(code({kPush16, kRet})), 0, CostClass::single_stepped);
  expect_at(plan(code({kPushRbpRexW, kRet})), 0, CostClass::single_stepped);
}

TEST(ProbePlanner, KnowsWhichNopsAreEmulated) {
  expect_at(plan(code({kNop, kRet})), 0, CostClass::emulated);
  expect_at(plan(code({kXchgR8Eax, kRet})), 0, CostClass::single_stepped);
  ProbeNeeds needs;
  expect_at(plan(code({kNop5, kRet}), needs), 0, CostClass::single_stepped);
  needs.long_nops_emulated = true;
  expect_at(plan(code({kNop5, kRet}), needs), 0, CostClass::emulated);
}

TEST(ProbePlanner, WhatTheKernelRefusesIsNeverChosen) {
  expect_at(plan(code({kNopWithCsPrefix, kPushRbp, kRet})), 10, CostClass::emulated);
  expect_at(plan(code({kLockIncMem, kMovRbxRdi, kRet})), 7, CostClass::single_stepped);
  const auto refused = plan_probe(target_of(code({kInt3, kPushRbp, kRet})), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("breakpoint"));
}

TEST(ProbePlanner, AnUnknownExtentKeepsTheProbeAtTheEntry) {
  const Bytes bytes = code({kMovRbxRdi, kPushRbp, kRet});
  ProbeTarget target = target_of(bytes);
  target.size_bytes = 0;
  expect_at(*plan_probe(target, {}), 0, CostClass::single_stepped);
  target.size_bytes = bytes.size() + 1;  // cut short
  const auto made = plan_probe(target, {});
  expect_at(*made, 0, CostClass::single_stepped);
  EXPECT_THAT(made->reason, HasSubstr("extent"));
}

TEST(ProbePlanner, CodeThatCannotBeDecodedKeepsTheProbeAtTheEntry) {
  expect_at(plan(code({kMovRbxRdi, kPushRbp, kGarbage})), 0, CostClass::single_stepped);
  const auto made = plan_probe(target_of(kGarbage), {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::format);
  EXPECT_FALSE(plan_probe(target_of({}), {}));
}

TEST(ProbePlanner, AnswersForAnyBytesWithinTheFunction) {
  std::mt19937 random(11);
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes(random() % 40 + 1);
    for (std::uint8_t& byte : bytes)
      byte = static_cast<std::uint8_t>(random());
    ProbeNeeds needs;
    needs.with_return = random() % 2 == 0;
    needs.may_skip_null_first_argument = random() % 2 == 0;
    needs.may_move_stack = random() % 2 == 0;
    const auto made = plan_probe(target_of(bytes), needs);
    if (!made) continue;
    ASSERT_LT(made->offset_in_function, bytes.size());
    if (needs.with_return) {
      ASSERT_EQ(made->stack_moved_bytes, 0);
    }
  }
}

}  // namespace
}  // namespace leakgate::capture
