// SPDX-License-Identifier: Apache-2.0
// Numbers that were given to processes of which nothing was ever heard.
#include "harness/capture/untold_images.h"

#include <gtest/gtest.h>

namespace leakgate::capture {
namespace {

TEST(UntoldImages, AreLeftOutAndTheOthersKeepWhatIsTheirs) {
  model::Trace trace;
  trace.processes.resize(6);
  for (const std::uint32_t told : {0u, 2u, 4u})
    trace.processes[told].start_ns = 100 + told;
  trace.processes[2].parent = 0;
  trace.processes[4].parent = 2;
  trace.processes[5].allocations = 1;  // its beginning was not heard, but it was there
  trace.windows.resize(2);
  trace.windows[0].process = 2;
  trace.windows[1].process = 4;
  trace.scopes.resize(1);
  trace.scopes[0].process = 4;
  trace.outstanding.resize(2);
  trace.outstanding[0].process = 5;
  trace.outstanding[1].process = model::kNone;
  drop_untold_images(trace);
  ASSERT_EQ(trace.processes.size(), 4u);
  EXPECT_EQ(trace.processes[1].start_ns, 102u);
  EXPECT_EQ(trace.processes[2].start_ns, 104u);
  EXPECT_EQ(trace.processes[0].parent, model::kNone);
  EXPECT_EQ(trace.processes[1].parent, 0u);
  EXPECT_EQ(trace.processes[2].parent, 1u);
  EXPECT_EQ(trace.windows[0].process, 1u);
  EXPECT_EQ(trace.windows[1].process, 2u);
  EXPECT_EQ(trace.scopes[0].process, 2u);
  EXPECT_EQ(trace.outstanding[0].process, 3u);
  EXPECT_EQ(trace.outstanding[1].process, model::kNone);
}

TEST(UntoldImages, OneThatSomethingRefersToStays) {
  model::Trace trace;
  trace.processes.resize(3);
  trace.processes[2].start_ns = 1;
  trace.outstanding.resize(1);
  trace.outstanding[0].process = 1;
  drop_untold_images(trace);
  ASSERT_EQ(trace.processes.size(), 2u);
  EXPECT_EQ(trace.outstanding[0].process, 0u);
}

}  // namespace
}  // namespace leakgate::capture
