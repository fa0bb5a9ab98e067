// SPDX-License-Identifier: Apache-2.0
// What is charged to a test whose framework does things of its own before the test's function is called.
#include <gtest/gtest.h>

#include <memory>

#include "adapters/preload/state.h"

namespace leakgate::preload {
namespace {

constexpr u32 kBoost = 4, kOther = 1;
constexpr u64 kTest = 0x5000, kFunctionInTest = kTest + 300, kFixture = 0x7000'0000;

class Windows : public testing::Test {
 protected:
  void SetUp() override {
    g = {};
    g.process = process_.get();
  }

  /// As at the mark of a test's start. What is charged from here on.
  u32 start(u32 framework = kBoost) {
    open_window(framework, kTest);
    await_body();
    return charged();
  }
  u32 charged() const { return g.process->figures.test; }

  std::unique_ptr<Process> process_ = std::make_unique<Process>();
};

TEST_F(Windows, AreChargedFromTheirStartUntilABodyWasSeen) {
  EXPECT_EQ(start(), 1u) << "nothing is known yet";
  begin_body(kBoost, kFunctionInTest);
  EXPECT_EQ(charged(), 1u);
  shut_window();
  EXPECT_EQ(start(), 0u) << "now it is known that a body comes";
  begin_body(kBoost, kFunctionInTest);
  EXPECT_EQ(charged(), 2u);
  shut_window();
}

TEST_F(Windows, AFixtureIsTheTestsTooButProvesNothing) {
  start();
  begin_body(kBoost, kFixture);
  shut_window();
  EXPECT_EQ(start(), 2u) << "the call of a fixture says nothing of bodies";
  begin_body(kBoost, kFunctionInTest);
  shut_window();
  EXPECT_EQ(start(), 0u);
  begin_body(kBoost, kFixture);
  EXPECT_EQ(charged(), 3u);
  shut_window();
}

TEST_F(Windows, ABodyThatDoesNotComeIsNotWaitedForAgain) {
  start();
  begin_body(kBoost, kFunctionInTest);
  shut_window();
  EXPECT_EQ(start(), 0u);
  shut_window();
  EXPECT_EQ(start(), 3u);
}

TEST_F(Windows, OfAnotherFrameworkWaitForNothing) {
  start();
  begin_body(kBoost, kFunctionInTest);
  shut_window();
  EXPECT_EQ(start(kOther), 2u);
  begin_body(kBoost, kFunctionInTest);
  shut_window();
}

TEST_F(Windows, ABodyOutsideOfTestsIsNoOnes) {
  begin_body(kBoost, kFixture);
  EXPECT_EQ(charged(), 0u);
  EXPECT_EQ(start(), 1u);
}

TEST_F(Windows, AScopeThatIsOpenIsChargedOn) {
  start();
  begin_body(kBoost, kFunctionInTest);
  shut_window();
  start();
  g.process->figures.test = 9;  // opened by the program before the body
  begin_body(kBoost, kFunctionInTest);
  EXPECT_EQ(charged(), 9u);
}

}  // namespace
}  // namespace leakgate::preload
