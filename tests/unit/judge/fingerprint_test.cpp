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
  return fingerprint_of(stack, owners_of(stack)).text;
}

std::string fingerprint_in(std::string_view test, std::string_view function) {
  const Stack stack = {frame("make_node(int)"), frame(function), frame("main")};
  return in_test(fingerprint_of(stack, owners_of(stack)), test);
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

TEST(Fingerprint, DoesNotDependOnHowLambdasAreCounted) {
  // GCC by its debug information and by its symbols, clang, which counts through the file
  const auto called_by = [](std::string_view lambda) {
    return fingerprint(
        {frame(std::string("T_A_Test::TestBody()::") + std::string(lambda) + "::operator()(int) const"),
         frame("T_A_Test::TestBody()")});
  };
  const std::string one = called_by("{lambda(int)#1}");
  for (const char* other :
       {"{lambda(int)}", "{lambda(int)#2}", "{lambda(char, {lambda()#2})#3}", "$_0", "$_12"})
    EXPECT_EQ(called_by(other), one) << other;
  EXPECT_NE(called_by("Local"), one);
  EXPECT_EQ(fingerprint({frame("call<run()::<lambda(void (*)())>>(run()::{lambda(void (*)())})")}),
            fingerprint({frame("int* call<run()::$_4>(run()::$_4)")}));
}

TEST(Fingerprint, DoesNotDependOnHowTestCasesAreCounted) {
  // a test case put in front counts up the functions of all behind it
  for (const auto& [one, other] :
       {std::pair{"CATCH2_INTERNAL_TEST_4()", "CATCH2_INTERNAL_TEST_16()"},
        {"(anonymous namespace)::CATCH2_INTERNAL_TEST_4::test()",
         "(anonymous namespace)::CATCH2_INTERNAL_TEST_5::test()"},
        {"void CATCH2_INTERNAL_TEMPLATE_TEST_7<int>()", "void CATCH2_INTERNAL_TEMPLATE_TEST_9<int>()"},
        {"C_A_T_C_H_T_E_S_T_0", "C_A_T_C_H_T_E_S_T_20"},
        {"____C_A_T_C_H____T_E_S_T____0()", "____C_A_T_C_H____T_E_S_T____3()"},
        {"DOCTEST_ANON_SUITE_2::DOCTEST_ANON_FUNC_4()", "DOCTEST_ANON_SUITE_8::DOCTEST_ANON_FUNC_10()"},
        {"_DOCTEST_ANON_FUNC_4()", "_DOCTEST_ANON_FUNC_5()"}}) {
    EXPECT_EQ(fingerprint_in("parses", one), fingerprint_in("parses", other)) << one;
    EXPECT_NE(fingerprint_in("parses", one), fingerprint_in("prints", one)) << "two tests are two: " << one;
  }
  EXPECT_EQ(fingerprint_in("parses", "T_A_Test::TestBody()"),
            fingerprint_in("prints", "T_A_Test::TestBody()"));
  EXPECT_NE(fingerprint_in("parses", "my_test_4()"), fingerprint_in("parses", "my_test_5()"));
}

TEST(Fingerprint, DoesNotDependOnWhatStandsFirstInAFile) {
  EXPECT_EQ(fingerprint({frame("make"), frame("_GLOBAL__sub_I__ZN3app5tableE")}),
            fingerprint({frame("make"), frame("_GLOBAL__sub_I_g_first")}));
  EXPECT_EQ(fingerprint({frame("__cxx_global_var_init")}), fingerprint({frame("__cxx_global_var_init.12")}));
}

TEST(Fingerprint, DoesNotDependOnTheDepthOfARecursion) {
  const Stack flat = {frame("make_node"), frame("parse", 5), frame("main")};
  const Stack deep = {frame("make_node"), frame("parse", 5), frame("parse", 7), frame("parse", 7),
                      frame("main")};
  EXPECT_EQ(fingerprint(deep), fingerprint(flat));
  const Stack by_way = {frame("make_node"), frame("parse", 5), frame("list"), frame("parse", 7),
                        frame("main")};
  EXPECT_NE(fingerprint(by_way), fingerprint(flat));
  EXPECT_NE(fingerprint({frame(""), frame(""), frame("main")}), fingerprint({frame(""), frame("main")}))
      << "nobody knows that two without a name are one";
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
