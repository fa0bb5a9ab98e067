// SPDX-License-Identifier: Apache-2.0
// A listener that is never removed: the bus keeps the window alive long after its test is over.
#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace {

struct Bus {
  std::function<void(int)> listeners[4];
  void send(int message) {
    for (const auto& listener : listeners)
      if (listener) listener(message);
  }
};

Bus& bus() {
  // LEAK: 128 bytes in 1 block; test Listener.StaysOnTheBus; function bus
  static Bus* const only = new Bus;
  return *only;
}

struct Window {
  int last_message = 0;
  char pixels[500] = {};
};

TEST(Listener, StaysOnTheBus) {
  // LEAK: 520 bytes in 1 block; test Listener.StaysOnTheBus; function TestBody
  auto window = std::make_shared<Window>();
  // LEAK: 16 bytes in 1 block; test Listener.StaysOnTheBus; function TestBody
  bus().listeners[0] = [window](int message) { window->last_message = message; };
  bus().send(7);
  EXPECT_EQ(window->last_message, 7);
}

}  // namespace
