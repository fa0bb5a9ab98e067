// SPDX-License-Identifier: Apache-2.0
// Every enumerator has one name, and the name leads back to it.
#include "harness/model/names.h"

#include <gtest/gtest.h>

namespace leakgate::model {
namespace {

template <typename Enum>
void round_trip(int count) {
  for (int i = 0; i < count; ++i) {
    const auto value = static_cast<Enum>(i);
    EXPECT_NE(name_of(value), "invalid");
    EXPECT_EQ(from_name<Enum>(name_of(value)), value);
  }
  EXPECT_EQ(name_of(static_cast<Enum>(count)), "invalid");
  EXPECT_FALSE(from_name<Enum>("invalid"));
  EXPECT_FALSE(from_name<Enum>(""));
}

TEST(Names, LeadBackToTheirEnumerators) {
  round_trip<Kind>(5);
  round_trip<Outcome>(4);
  round_trip<Framework>(5);
  round_trip<ProcessRole>(5);
  round_trip<RunVerdict>(3);
  round_trip<TestVerdict>(4);
  round_trip<LeakVerdict>(4);
  round_trip<Severity>(4);
}

}  // namespace
}  // namespace leakgate::model
