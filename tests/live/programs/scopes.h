// SPDX-License-Identifier: Apache-2.0
// Leak assertions as any C++ test framework runs them: LIVE_TEST(name) begins a test case.
// truth: clean, limit_holds, expected, disabled, ignored leak nothing that counts; no_leaks 1/410, limit_exceeded
// truth: 1/420, expected_exceeded 1/430 (blocks/bytes); figures and tracked look at what they leak, 1/440 and 1/450
#include <cstdlib>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::calloc(1, bytes));
}

LIVE_TEST(clean) {
  LEAKGATE_EXPECT_NO_LEAKS(std::free(std::malloc(10)));
  LEAKGATE_ASSERT_MAX_LEAKED(std::free(std::malloc(10)), 0u);
}

LIVE_TEST(no_leaks) {
  LEAKGATE_EXPECT_NO_LEAKS(leak(410));
}

LIVE_TEST(limit_holds) {
  LEAKGATE_ASSERT_MAX_LEAKED(leak(20), 20u);
}

LIVE_TEST(limit_exceeded) {
  LEAKGATE_ASSERT_MAX_LEAKED(leak(420), 419u);
  std::abort();  // not reached where leakgate runs it
}

LIVE_TEST(expected) {
  leakgate::Expected<100> limit;
  leak(100);
}

LIVE_TEST(expected_exceeded) {
  leakgate::Expected<100> limit;
  leak(430);
}

LIVE_TEST(disabled) {
  leakgate::ScopedDisabler disabler;
  leak(1234);
}

LIVE_NOINLINE void ignore_a_list() {
  void** block = static_cast<void**>(std::calloc(1, 1000));
  *block = std::calloc(1, 500);
  leakgate::ignore(block);
}

LIVE_TEST(ignored) {
  ignore_a_list();
}

LIVE_TEST(figures) {
  const leakgate::Snapshot before("before");
  leakgate::Scope scope("a scope");
  leakgate::detail::call([] { leak(440); });
  const leakgate::Result result = scope.check();
  const leakgate::Snapshot after("after");
  const leakgate::Growth growth = leakgate::compare(before, after);
  LIVE_CHECK(result.leaks());
  LIVE_EQUAL(result.leaked_bytes(), 440u);
  LIVE_EQUAL(result.leaked_blocks(), 1u);
  LIVE_EQUAL(result.bytes(LEAKGATE_DEFINITELY_LOST), 440u);
  LIVE_EQUAL(result.outstanding_bytes(), 440u);
  LIVE_EQUAL(growth.all_bytes, 440);  // of all kinds: an earlier test's leak may have become one only now
  LIVE_EQUAL(growth.all_blocks, 1);
}

LIVE_TEST(tracked) {
  auto wrapped = leakgate::track([](std::size_t bytes) { return leak(bytes), bytes; }, "tracked");
  LIVE_EQUAL(wrapped(450), 450u);
  LIVE_EQUAL(wrapped.last().leaked_bytes(), 450u);
}

}  // namespace
