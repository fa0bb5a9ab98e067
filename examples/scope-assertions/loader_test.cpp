// SPDX-License-Identifier: Apache-2.0
// What a test can say of leaks itself. Under leakgate one assertion fails; without it all hold.
#include <gtest/gtest.h>
#include <leakgate/scope.hpp>

#include <cstdlib>

namespace {

void* volatile last = nullptr;

void load(std::size_t bytes, bool give_back) {
  // LEAK: 300 bytes in 1 block; test Loader.LosesOneBuffer; function load
  last = std::malloc(bytes);
  if (give_back) std::free(last);
  last = nullptr;
}

TEST(Loader, GivesBack) {
  LEAKGATE_EXPECT_NO_LEAKS(load(100, true));
}

TEST(Loader, LosesOneBuffer) {
  LEAKGATE_EXPECT_NO_LEAKS(load(300, false));
}

TEST(Loader, MayLoseALittle) {
  LEAKGATE_ASSERT_MAX_LEAKED(load(16, false), 64);
}

TEST(Loader, LosesWhatIsExpected) {
  leakgate::Expected<64> expected;
  load(32, false);
}

TEST(Loader, TellsHowMuch) {
  leakgate::Scope scope("two loads");
  load(50, true);
  load(60, true);
  EXPECT_EQ(scope.check().leaked_bytes(), 0u);
}

}  // namespace
