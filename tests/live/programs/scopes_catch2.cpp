// SPDX-License-Identifier: Apache-2.0
// scopes.h under Catch2, without the listener.
#include <catch2/catch_test_macros.hpp>

#include <leakgate/scope.hpp>

#define LIVE_TEST(name) TEST_CASE(#name)
#define LIVE_CHECK(condition) CHECK((condition))
#define LIVE_EQUAL(one, other) CHECK((one) == (other))
#include "scopes.h"
