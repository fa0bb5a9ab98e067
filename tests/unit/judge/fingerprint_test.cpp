// SPDX-License-Identifier: Apache-2.0
// What a fingerprint depends on, and what it does not.
#include "harness/judge/fingerprint.h"

#include <gtest/gtest.h>

namespace leakgate::judge {
namespace {

using Stack = std::vector<model::VerdictFrame>;

model::VerdictFrame frame(std::string_view function, std::uint32_t line = 1,
                          std::string_view module = "/a/tests") {
  model::VerdictFrame result;
  result.function = function;
  result.file = "a.cpp";
  result.line = line;
  result.module = module;
  result.offset = line * 16;
  return result;
}

std::string fingerprint(const Stack& stack) {
  return fingerprint_of(stack, owners_of(stack));
}

const Stack kBase = {frame("operator new(unsigned long)", 0, "/usr/lib/libstdc++.so.6"),
                     frame("make_node(int)", 12), frame("T_A_Test::TestBody()", 30),
                     frame("testing::Test::Run()", 5), frame("main", 7)};

TEST(Fingerprint, HasAVersionAnd32HexDigits) {
  const auto text = fingerprint(kBase);
  ASSERT_EQ(text.size(), 36u);
  EXPECT_EQ(text.substr(0, 4), "lg1:");
  EXPECT_EQ(text.find_first_not_of("0123456789abcdef", 4), std::string::npos);
}

TEST(Fingerprint, IsTheSameInEveryRelease) {
  // Baselines hold these: whoever changes this value must change the version in the prefix.
  EXPECT_EQ(fingerprint({frame("make_node", 1)}), "lg1:0b34026d79d67808a5ad4c4df1ec996b");
}

TEST(Fingerprint, DoesNotDependOnLinesAddressesAndFolders) {
  Stack moved = kBase;
  for (auto& one : moved) {
    one.line += 100;
    one.offset += 4096;
    one.file = "/elsewhere/a.cpp";
  }
  moved[1].module = "/other/build/tests";
  EXPECT_EQ(fingerprint(moved), fingerprint(kBase));
}

TEST(Fingerprint, DoesNotDependOnSuffixesParametersAndLibraryFrames) {
  EXPECT_EQ(fingerprint({frame("malloc", 0, "libc.so.6"), frame("std::vector<int>::push_back(int&&)"),
                         frame("make_node.constprop.0", 12), frame("T_A_Test::TestBody", 30),
                         frame("testing::internal::HandleExceptionsInMethodIfSupported<X, Y>", 1)}),
            fingerprint(kBase));
}

TEST(Fingerprint, DoesNotDependOnTheLibrarysVersion) {
  EXPECT_EQ(fingerprint({frame("make", 1, "/usr/lib/libfoo.so.1.2")}),
            fingerprint({frame("make", 1, "/opt/libfoo.so.2")}));
  EXPECT_NE(fingerprint({frame("make", 1, "/usr/lib/libfoo.so")}),
            fingerprint({frame("make", 1, "/opt/libbar.so")}));
}

TEST(Fingerprint, DiffersByFunctionAndByCaller) {
  Stack other = kBase;
  other[1].function = "make_tree(int)";
  EXPECT_NE(fingerprint(other), fingerprint(kBase));
  other = kBase;
  other[2].function = "T_B_Test::TestBody()";
  EXPECT_NE(fingerprint(other), fingerprint(kBase));
}

TEST(Fingerprint, UnknownFunctionsCountByModule) {
  EXPECT_EQ(fingerprint({frame("", 1, "/a/liba.so")}), fingerprint({frame("", 9, "/b/liba.so.3")}));
  EXPECT_NE(fingerprint({frame("", 1, "/a/liba.so")}), fingerprint({frame("", 1, "/a/libb.so")}));
}

TEST(Fingerprint, AStackOfLibraryFramesAloneStillHasOne) {
  EXPECT_NE(fingerprint({frame("malloc", 0, "libc.so.6"), frame("std::a", 1)}),
            fingerprint({frame("malloc", 0, "libc.so.6"), frame("std::b", 1)}));
  EXPECT_EQ(fingerprint({}).size(), 36u);
}

}  // namespace
}  // namespace leakgate::judge
