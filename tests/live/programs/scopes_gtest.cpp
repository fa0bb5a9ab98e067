// SPDX-License-Identifier: Apache-2.0
// scopes.h under GoogleTest, without the listener.
#include <gtest/gtest.h>

#include <leakgate/scope.hpp>

#define LIVE_TEST(name) TEST(Scopes, name)
#define LIVE_CHECK(condition) EXPECT_TRUE(condition)
#define LIVE_EQUAL(one, other) EXPECT_EQ(one, other)
#include "scopes.h"
