// SPDX-License-Identifier: Apache-2.0
// When it is worth telling that the preload backend would have been quicker, and what is told.
#include "harness/pipeline/quicker_backend.h"

#include <gmock/gmock.h>

namespace leakgate::pipeline {
namespace {

using testing::HasSubstr;

/// A run of 12.3 million pairs that took 34 s, 2 us each.
CallCosts long_run() {
  return {12'300'000, 12'300'000, 34, 2000};
}

TEST(QuickerBackend, IsToldWithTheFigure) {
  const auto told = describe_quicker_backend(long_run());
  ASSERT_TRUE(told);
  EXPECT_EQ(
      *told,
      "12.3 million allocations: --backend preload would have saved about 20 s of 34 s of processor time");
}

TEST(QuickerBackend, IsNotToldForLessThanASecond) {
  EXPECT_FALSE(describe_quicker_backend({500'000, 500'000, 1.2, 2000}));
  EXPECT_TRUE(describe_quicker_backend({700'000, 700'000, 1.7, 2000}));
}

TEST(QuickerBackend, IsNotToldForLessThanAFifthOfTheRun) {
  CallCosts costs = long_run();
  costs.processor_s = 110;
  EXPECT_FALSE(describe_quicker_backend(costs));
  costs.processor_s = 95;
  EXPECT_TRUE(describe_quicker_backend(costs));
}

TEST(QuickerBackend, IsNotToldWhereTrapsCostNoMoreThanThat) {
  CallCosts costs = long_run();
  costs.pair_ns = kPreloadPairNs;
  EXPECT_FALSE(describe_quicker_backend(costs));
}

TEST(QuickerBackend, NeverSavesMoreThanTheRunTook) {
  CallCosts costs = long_run();
  costs.pair_ns = 60'000;
  EXPECT_THAT(describe_quicker_backend(costs).value_or(""), HasSubstr("saved about 31 s of 34 s"));
}

model::Trace trace_of(const std::string& program, const std::string& module) {
  model::Trace trace;
  trace.processes.emplace_back().exe = program;
  trace.modules.emplace_back().path = module;
  return trace;
}

TEST(QuickerBackend, CannotTraceSanitizersStaticAndSetUidPrograms) {
  EXPECT_TRUE(can_all_be_preloaded(trace_of("/bin/sh", "/lib/libc.so.6")));
  EXPECT_FALSE(can_all_be_preloaded(trace_of("/bin/sh", "/usr/lib/libasan.so.8")));
  EXPECT_FALSE(can_all_be_preloaded(trace_of("/sbin/ldconfig", "/lib/libc.so.6")));
  EXPECT_FALSE(can_all_be_preloaded(trace_of("/bin/su", "/lib/libc.so.6")));
}

}  // namespace
}  // namespace leakgate::pipeline
