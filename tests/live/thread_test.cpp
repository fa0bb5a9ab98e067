// SPDX-License-Identifier: Apache-2.0
// Threads and signal handlers: blocks that one thread allocates and another frees, threads that outlive main.
#include <gmock/gmock.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

[[maybe_unused]] const bool kTraces = trace_unclassified();

using testing::UnorderedElementsAre;

class Thread : public Live {
 protected:
  Traced run(std::string_view name, int status = 23) {
    Traced traced = trace_program(scratch_, name);
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), status) << traced.program.err;
    return traced;
  }
};

TEST_F(Thread, BlocksFreedByOtherThreadsAreGone) {
  const Traced traced = run("live_threads_64");
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAre(row(0, "live_threads_64", "threads_64.cpp",
                                                          "block = std::malloc(32)", 640, 20480)));
  // 64,000 by the threads themselves; std::thread allocates a few for each.
  EXPECT_GE(traced.result["tracer"]["allocations"], 64000);
  EXPECT_LT(traced.result["tracer"]["allocations"], 64000 + 10 * 64 + 10);
}

TEST_F(Thread, MainThreadMayEndFirst) {
  EXPECT_THAT(
      leak_rows(run("live_main_thread_first", 9)),
      UnorderedElementsAre(row(0, "live_main_thread_first", "main_thread_first.c", "malloc(190)", 1, 190),
                           row(0, "live_main_thread_first", "main_thread_first.c", "malloc(191)", 1, 191)));
}

TEST_F(Thread, SleepingDetachedThreadsBlockIsFound) {
  EXPECT_THAT(
      leak_rows(run("live_detached_thread")),
      UnorderedElementsAre(row(0, "live_detached_thread", "detached_thread.c", "malloc(192)", 1, 192)));
}

TEST_F(Thread, SignalHandlersAllocationsAreFound) {
  const Traced traced = run("live_signal_handler");
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAre(row(0, "live_signal_handler", "signal_handler.c",
                                                          "malloc(64)", 100, 6400)));
  EXPECT_EQ(traced.result["tracer"]["allocations"], 100100);
  EXPECT_EQ(traced.result["tracer"]["frees"], 100000);
}

/// Not what the interrupted call does itself: on its own stack, and on an alternate one.
TEST_F(Thread, AHandlerThatInterruptsMallocCountsForItself) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{}, {"alternate"}}) {
    const Traced traced = trace_program(scratch_, "live_handler_inside_malloc", arguments);
    expect_whole(traced);
    EXPECT_THAT(leak_rows(traced),
                UnorderedElementsAre(
                    row(0, "live_handler_inside_malloc", "handler_inside_malloc.c", "malloc(64)", 100, 6400),
                    row(0, "live_handler_inside_malloc", "handler_inside_malloc.c", "malloc(48)", 10, 480)));
    EXPECT_EQ(traced.result["tracer"]["allocations"], 1200);
  }
}

}  // namespace
}  // namespace leakgate::live
