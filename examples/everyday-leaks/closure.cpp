// SPDX-License-Identifier: Apache-2.0
// A closure that captures its owner: the timer holds the function, the function holds the timer, and nobody
// else does.
#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace {

struct Timer {
  std::function<void()> on_tick;
  int ticks = 0;
};

TEST(Closure, CapturesItsOwner) {
  // LEAK: 56 bytes in 1 block; test Closure.CapturesItsOwner; function TestBody
  auto timer = std::make_shared<Timer>();
  // LEAK: 16 bytes in 1 block; test Closure.CapturesItsOwner; function TestBody
  timer->on_tick = [timer] { ++timer->ticks; };
  timer->on_tick();
  EXPECT_EQ(timer->ticks, 1);
}

TEST(Closure, CapturesItWeakly) {
  auto timer = std::make_shared<Timer>();
  timer->on_tick = [weak = std::weak_ptr<Timer>(timer)] {
    if (const auto owner = weak.lock()) ++owner->ticks;
  };
  timer->on_tick();
  EXPECT_EQ(timer->ticks, 1);
}

}  // namespace
