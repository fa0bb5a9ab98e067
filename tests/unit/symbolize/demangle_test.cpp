// SPDX-License-Identifier: Apache-2.0
#include "harness/symbolize/demangle.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace leakgate::symbolize {
namespace {

TEST(Demangle, TellsMangledFromPlainNames) {
  EXPECT_EQ(demangle("_Z3fooi"), "foo(int)");
  EXPECT_EQ(demangle("strdup"), "strdup");
  EXPECT_EQ(demangle("_Zbroken"), "_Zbroken");
  EXPECT_EQ(demangle(""), "");
}

TEST(Demangle, DropsSymbolVersions) {
  EXPECT_EQ(demangle("memcpy@@GLIBC_2.14"), "memcpy");
}

TEST(Demangle, RefusesNamesThatGrowWithoutBound) {
  // f(pair<A, A>, pair<that, that>, ...): each argument is twice as long as the one before.
  std::string name = "_Z1fSt4pairI1AS0_E";
  for (char c = '1'; c <= '9'; ++c)
    name += std::string("St4pairIS") + c + "_S" + c + "_E";
  for (char c = 'A'; c <= 'Z'; ++c)
    name += std::string("St4pairIS") + c + "_S" + c + "_E";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(demangle(name), name);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(Demangle, NamesStayBounded) {
  const std::string identifier(900, 'x');
  const FunctionName name = name_from_linker("_Z900" + identifier + "v");
  EXPECT_EQ(name.compact.size(), kMaxNameBytes);
  EXPECT_TRUE(name.compact.ends_with("..."));
  EXPECT_EQ(name.full, identifier + "()");
  EXPECT_EQ(name_from_linker(std::string(10000, 'x')).full.size(), kMaxFullNameBytes);
}

TEST(Demangle, FullNameOnlyWhereItDiffers) {
  EXPECT_EQ(name_from_linker("_Z3fooi").full, "");
  EXPECT_EQ(name_from_linker("_Z3fooSt6vectorIiSaIiEE").compact, "foo(std::vector<int>)");
  EXPECT_EQ(name_from_linker("_Z3fooSt6vectorIiSaIiEE").full, "foo(std::vector<int, std::allocator<int> >)");
}

}  // namespace
}  // namespace leakgate::symbolize
