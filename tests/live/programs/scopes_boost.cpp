// SPDX-License-Identifier: Apache-2.0
// scopes.h under Boost.Test, which needs no adapter to have its tests seen.
#define BOOST_TEST_MODULE scopes
#include <boost/test/included/unit_test.hpp>

#include <leakgate/scope.hpp>

#define LIVE_TEST(name) BOOST_AUTO_TEST_CASE(name)
#define LIVE_CHECK(condition) BOOST_CHECK((condition))
#define LIVE_EQUAL(one, other) BOOST_CHECK((one) == (other))
#include "scopes.h"
