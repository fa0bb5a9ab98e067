// SPDX-License-Identifier: Apache-2.0
// scopes.h under doctest, which needs no adapter to have its tests seen.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <leakgate/scope.hpp>

#define LIVE_TEST(name) TEST_CASE(#name)
#define LIVE_CHECK(condition) CHECK((condition))
#define LIVE_EQUAL(one, other) CHECK((one) == (other))
#include "scopes.h"
