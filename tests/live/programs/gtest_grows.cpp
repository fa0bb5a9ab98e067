// SPDX-License-Identifier: Apache-2.0
// Tests that leave reachable memory behind, of which one grows with each repetition.
// truth: Growth.ListenerIsNeverRemoved adds 120 bytes in each round; nothing else grows
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "common.h"

namespace {

struct Listener {
  Listener* next;
  char state[112];
};

Listener* g_listeners = nullptr;
void* g_settings = nullptr;
void* g_last_result = nullptr;
std::array<void*, 2> g_cache{};
std::size_t g_round = 0;

/// Called by one test only, at its start.
std::size_t next_slot() {
  return g_round++;
}

}  // namespace

TEST(Growth, ListenerIsNeverRemoved) {
  auto* listener = static_cast<Listener*>(std::malloc(sizeof(Listener)));
  ASSERT_NE(listener, nullptr);
  listener->next = g_listeners;
  g_listeners = listener;
}

TEST(Growth, SettingsAreReadOnce) {
  if (g_settings == nullptr) g_settings = std::malloc(300);
  EXPECT_NE(g_settings, nullptr);
}

TEST(Growth, TheCacheFills) {
  const std::size_t slot = next_slot();
  if (slot < g_cache.size()) g_cache[slot] = std::malloc(200);
  EXPECT_NE(g_cache[0], nullptr);
}

TEST(Growth, TheLastResultIsKept) {
  std::free(g_last_result);
  g_last_result = std::malloc(400);
  EXPECT_NE(g_last_result, nullptr);
}
