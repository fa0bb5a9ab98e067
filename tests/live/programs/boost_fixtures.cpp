// SPDX-License-Identifier: Apache-2.0
// Boost.Test: what fixtures of all sorts leak, and threads, in cases that come after the first one; cases
// that do not run.
// truth: first 1/400, decorated 1/401 and 1/402, fixtured 1/403 and 1/404, threaded 1/405, after 1/406, suite/one 1/407,
// truth: outside of tests, as a suite's own, 1/401 and 1/402; clean, off and skipped nothing; exit status 0
#define BOOST_TEST_MODULE fixtures
#ifdef LIVE_BOOST_SHARED
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#else
#include <boost/test/included/unit_test.hpp>
#endif
#include <cstdlib>
#include <thread>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::malloc(bytes));
}

void set_up() {
  leak(401);
}

void tear_down() {
  leak(402);
}

struct Fixture {
  Fixture() { leak(403); }
  ~Fixture() { leak(404); }
};

boost::test_tools::assertion_result never(boost::unit_test::test_unit_id) {
  return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(first) {
  leak(400);
}

BOOST_AUTO_TEST_CASE(clean) {
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(decorated, *boost::unit_test::fixture(set_up, tear_down)) {
  BOOST_TEST(true);
}

BOOST_FIXTURE_TEST_CASE(fixtured, Fixture) {
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(threaded) {
  std::thread([] { leak(405); }).join();
}

BOOST_AUTO_TEST_CASE(off, *boost::unit_test::disabled()) {
  leak(408);
}

BOOST_AUTO_TEST_CASE(skipped, *boost::unit_test::precondition(never)) {
  leak(409);
}

BOOST_AUTO_TEST_CASE(after) {
  leak(406);
}

BOOST_AUTO_TEST_SUITE(suite, *boost::unit_test::fixture(set_up, tear_down))
BOOST_AUTO_TEST_CASE(one) {
  leak(407);
}
BOOST_AUTO_TEST_SUITE_END()
