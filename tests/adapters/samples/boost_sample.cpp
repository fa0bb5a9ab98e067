// SPDX-License-Identifier: Apache-2.0
// Boost.Test cases of every kind whose windows the marks must find; LEAKGATE_SAMPLE_BOOST_SHARED picks the
// shared library.
#define BOOST_TEST_MODULE boost_sample
#ifdef LEAKGATE_SAMPLE_BOOST_SHARED
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#else
#include <boost/test/included/unit_test.hpp>
#endif

#include <boost/mpl/list.hpp>
#include <cstdlib>
#include <stdexcept>

namespace utf = boost::unit_test;

BOOST_AUTO_TEST_CASE(passes) {
  BOOST_TEST(1 + 1 == 2);
}
BOOST_AUTO_TEST_CASE(fails_at_a_check) {
  BOOST_TEST(1 + 1 == 3);
}
BOOST_AUTO_TEST_CASE(fails_at_a_require) {
  BOOST_REQUIRE(1 + 1 == 3);
}
BOOST_AUTO_TEST_CASE(throws) {
  throw std::runtime_error("thrown by the test");
}
BOOST_AUTO_TEST_CASE(only_warns) {
  BOOST_WARN(1 + 1 == 3);
}
BOOST_AUTO_TEST_CASE(disabled, *utf::disabled()) {
  BOOST_TEST(false);
}

BOOST_AUTO_TEST_SUITE(outer)
BOOST_AUTO_TEST_CASE(in_outer) {
  BOOST_TEST(true);
}
BOOST_AUTO_TEST_SUITE(inner)
BOOST_AUTO_TEST_CASE(in_inner_with_a_name_longer_than_any_small_string_buffer) {
  BOOST_TEST(true);
}
BOOST_AUTO_TEST_CASE(fails_in_inner) {
  BOOST_ERROR("failing");
}
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_CASE(in_outer_again) {
  BOOST_TEST(true);
}
BOOST_AUTO_TEST_SUITE_END()

typedef boost::mpl::list<int, double> SomeTypes;
BOOST_AUTO_TEST_CASE_TEMPLATE(typed, T, SomeTypes) {
  BOOST_TEST(T() == T(0));
}

struct Fixture {
  int value = 1;
};
BOOST_FIXTURE_TEST_CASE(with_fixture, Fixture) {
  BOOST_TEST(value == 1);
}
