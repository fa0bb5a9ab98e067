// SPDX-License-Identifier: Apache-2.0
// Boost.Test: clean, leaking, failing and throwing test cases in nested suites, two of one name, data and
// templates.
// truth: clean nothing, leaks 1/310, outer/leaks 1/311, outer/inner/leaks 1/312, outer/fails 1/313, outer/throws 1/314,
// truth: outer/data/_1 1/316, templated<double> 1/8, last 1/317; exit status 201, as two fail
#define BOOST_TEST_MODULE mixed
#ifdef LIVE_BOOST_SHARED
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#else
#include <boost/test/included/unit_test.hpp>
#endif
#include <boost/mpl/list.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <cstdlib>
#include <stdexcept>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::malloc(bytes));
}

using Types = boost::mpl::list<int, double>;

}  // namespace

BOOST_AUTO_TEST_CASE(clean) {
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(leaks) {
  leak(310);
}

BOOST_AUTO_TEST_SUITE(outer)

BOOST_AUTO_TEST_CASE(leaks) {
  leak(311);
}

BOOST_AUTO_TEST_SUITE(inner)
BOOST_AUTO_TEST_CASE(leaks) {
  leak(312);
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(fails) {
  leak(313);
  BOOST_CHECK(false);
}

BOOST_AUTO_TEST_CASE(throws) {
  leak(314);
  throw std::runtime_error("on purpose");
}

BOOST_DATA_TEST_CASE(data, boost::unit_test::data::xrange(2)) {
  if (sample == 1) leak(316);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE_TEMPLATE(templated, T, Types) {
  if (sizeof(T) == sizeof(double)) leak(sizeof(T));
}

BOOST_AUTO_TEST_CASE(last) {
  leak(317);
}
