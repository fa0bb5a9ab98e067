// SPDX-License-Identifier: Apache-2.0
// Which frame a report points at, and whose allocation it was.
#include "harness/judge/site.h"

#include <gtest/gtest.h>

namespace leakgate::judge {
namespace {

model::VerdictFrame frame(std::string_view function, std::string_view module = "/app/tests",
                          std::string_view file = "") {
  model::VerdictFrame result;
  result.function = function;
  result.module = module;
  result.file = file;
  return result;
}

std::size_t site(const std::vector<model::VerdictFrame>& stack) {
  return find_site(stack, owners_of(stack));
}

TEST(Site, QualifiedNameLosesReturnTypeParametersAndSuffixes) {
  EXPECT_EQ(qualified_name("make_node()"), "make_node");
  EXPECT_EQ(qualified_name("std::vector<int, std::allocator<int> > make<int>(int) [clone .cold]"),
            "make<int>");
  EXPECT_EQ(qualified_name("Foo::bar(int) const"), "Foo::bar");
  EXPECT_EQ(qualified_name("name[abi:cxx11](int)"), "name");
  EXPECT_EQ(qualified_name("grow.constprop.0"), "grow");
  EXPECT_EQ(qualified_name("grow.isra.0.part.1"), "grow");
  EXPECT_EQ(qualified_name("(anonymous namespace)::helper(char const*)"), "(anonymous namespace)::helper");
  EXPECT_EQ(qualified_name("run()::{lambda(int)#1}::operator()(int) const"),
            "run()::{lambda(int)#1}::operator()");
  EXPECT_EQ(qualified_name("Functor::operator()"), "Functor::operator()");
  EXPECT_EQ(qualified_name("operator new(unsigned long)"), "operator new");
  EXPECT_EQ(qualified_name("bool operator< <int>(A<int> const&, A<int> const&)"), "operator< <int>");
  EXPECT_EQ(qualified_name("char* copy(char const*)"), "copy");
  EXPECT_EQ(qualified_name(""), "");
}

TEST(Site, MalformedNamesAreSurvived) {
  for (const char* name :
       {"(", ")", "<<<", ">>>", "operator", "[abi:", "]", " ", "a b)", "((((((", "))))))", " const", "x["})
    EXPECT_NO_FATAL_FAILURE(static_cast<void>(qualified_name(name))) << name;
}

TEST(Site, AllocatorAndLibraryFramesAreSkipped) {
  EXPECT_EQ(site({frame("operator new(unsigned long)", "libstdc++.so.6"),
                  frame("std::string::_M_create", "libstdc++.so.6"), frame("make_name(int)"), frame("main")}),
            2u);
  EXPECT_EQ(site({frame("__strdup", "/lib/libc.so.6"), frame("keep_copy")}), 1u);
}

TEST(Site, TemplatesOfTheLibraryInTheUsersBinaryAreSkipped) {
  EXPECT_EQ(site({frame("__gnu_cxx::new_allocator<int>::allocate(unsigned long, void const*)"),
                  frame("std::vector<int, std::allocator<int> >::push_back(int const&)"), frame("fill")}),
            2u);
}

TEST(Site, OfTheLibraryIsWhatStandsInItsHeadersWithoutANamespace) {
  constexpr const char* kHeader = "/usr/include/c++/12/bits/basic_string.h";
  EXPECT_EQ(owner_of(frame("basic_string<std::allocator<char>>()", "/app/tests", kHeader)),
            FrameOwner::standard_library);
  EXPECT_EQ(owner_of(frame("app::Vector<int>::grow()", "/app/tests", kHeader)), FrameOwner::user);
  EXPECT_EQ(owner_of(frame("grow()", "/app/tests", "/app/src/c++/grow.h")), FrameOwner::user);
}

TEST(Site, AFunctionReturningALibraryTypeIsTheUsersOwn) {
  EXPECT_EQ(owner_of(frame("std::unique_ptr<Node> make_node<Node>(int)")), FrameOwner::user);
  EXPECT_EQ(owner_of(frame("testing::Message build<int>(int)")), FrameOwner::user);
}

TEST(Site, WhatHelpersInNamespaceTestingAllocateIsTheUsers) {
  const auto allocating = [](const char* file) {
    const std::vector<model::VerdictFrame> stack = {
        frame("operator new(unsigned long)", "libstdc++.so.6"),
        frame("testing::MakeInput(int)", "/app/tests", file),
        frame("testing::Test::Run()", "/app/tests", "/src/googletest/src/gtest.cc")};
    return allocating_framework(stack, owners_of(stack));
  };
  EXPECT_EQ(allocating("/src/tests/helpers.cc"), model::Framework::none);
  EXPECT_EQ(allocating("/src/googletest/src/gtest-port.cc"), model::Framework::gtest);
  EXPECT_EQ(allocating("gmock-spec-builders.h"), model::Framework::gtest);
  EXPECT_EQ(allocating(""), model::Framework::gtest);
}

TEST(Site, NamesThatOnlyResembleAFrameworkAreTheUsersOwn) {
  EXPECT_EQ(owner_of(frame("my::testing::make")), FrameOwner::user);
  EXPECT_EQ(owner_of(frame("testing_tools::make")), FrameOwner::user);
  EXPECT_EQ(owner_of(frame("Suite_Leaks_Test::TestBody()")), FrameOwner::user);
  EXPECT_EQ(owner_of(frame("stdx::make")), FrameOwner::user);
  EXPECT_EQ(owner_of(frame("my_malloc")), FrameOwner::user);
}

TEST(Site, WithoutOwnFramesTheFirstWithAFileIsTaken) {
  EXPECT_EQ(site({frame("operator new"), frame("std::make", "/app", "/usr/include/x.h"), frame("_start")}),
            1u);
  EXPECT_EQ(site({frame("operator new"), frame("std::make")}), 0u);
  EXPECT_EQ(site({}), 0u);
}

TEST(Site, HeadersOfInstalledLibrariesAreSteppedOver) {
  std::vector<model::VerdictFrame> stack = {frame("operator new(unsigned long)", "libstdc++.so.6"),
                                            frame("fmt::v9::basic_memory_buffer<char, 500>::grow"),
                                            frame("render"), frame("main")};
  stack[1].file = "/usr/include/fmt/format.h";
  stack[2].file = "src/render.cpp";
  EXPECT_EQ(find_site(stack, owners_of(stack)), 2u);
  // where nothing else is known, better the header than nothing
  stack.resize(2);
  EXPECT_EQ(find_site(stack, owners_of(stack)), 1u);
  // a library whose sources are part of the project is the project's own
  stack[1].file = "third_party/fmt/format.h";
  EXPECT_EQ(find_site(stack, owners_of(stack)), 1u);
}

TEST(Site, AFrameworksOwnAllocationIsKnownByItsInnermostFrame) {
  const std::vector<model::VerdictFrame> own = {
      frame("operator new(unsigned long)", "libstdc++.so.6"), frame("std::vector<int>::push_back"),
      frame("testing::TestResult::AddTestPartResult"), frame("Suite_T_Test::TestBody")};
  EXPECT_EQ(allocating_framework(own, owners_of(own)), model::Framework::gtest);
  const std::vector<model::VerdictFrame> users = {
      frame("malloc", "libc.so.6"), frame("Suite_T_Test::TestBody"), frame("testing::Test::Run")};
  EXPECT_EQ(allocating_framework(users, owners_of(users)), model::Framework::none);
  EXPECT_EQ(framework_of(frame("Catch::Session::run()")), model::Framework::catch2);
  EXPECT_EQ(framework_of(frame("", "/usr/lib/libgmock.so.1.12.1")), model::Framework::gtest);
  EXPECT_EQ(framework_of(frame("doctest::Context::run()")), model::Framework::doctest);
  EXPECT_EQ(framework_of(frame("boost::test_tools::tt_detail::report")), model::Framework::boost_test);
}

TEST(Site, ModuleNamesLoseFoldersAndVersions) {
  EXPECT_EQ(module_name("/usr/lib/libfoo.so.1.2"), "libfoo.so");
  EXPECT_EQ(module_name("/lib/libc-2.31.so"), "libc.so");
  EXPECT_EQ(module_name("/app/tests.some"), "tests.some");
  EXPECT_EQ(module_name("/app/tests"), "tests");
  EXPECT_EQ(module_name(""), "");
}

}  // namespace
}  // namespace leakgate::judge
