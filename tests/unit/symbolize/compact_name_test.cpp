// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "harness/symbolize/demangle.h"

namespace leakgate::symbolize {
namespace {

#define LONG_STRING "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >"

TEST(CompactName, FoldsStringAndStreams) {
  EXPECT_EQ(compact_name("f(" LONG_STRING " const&)"), "f(std::string const&)");
  EXPECT_EQ(compact_name(LONG_STRING "::append(char const*)"), "std::string::append(char const*)");
  EXPECT_EQ(compact_name("f(std::basic_string_view<char, std::char_traits<char> >)"), "f(std::string_view)");
  EXPECT_EQ(compact_name("f(std::basic_ostream<wchar_t, std::char_traits<wchar_t> >&)"), "f(std::wostream&)");
}

TEST(CompactName, FoldsDefaultArgumentsOfContainers) {
  EXPECT_EQ(compact_name("std::vector<int, std::allocator<int> >::reserve(unsigned long)"),
            "std::vector<int>::reserve(unsigned long)");
  EXPECT_EQ(compact_name("f(std::map<" LONG_STRING ", int, std::less<" LONG_STRING
                         " >, std::allocator<std::pair<" LONG_STRING " const, int> > >)"),
            "f(std::map<std::string, int>)");
  EXPECT_EQ(compact_name("f(std::unordered_map<int, A, std::hash<int>, std::equal_to<int>, "
                         "std::allocator<std::pair<int const, A> > >)"),
            "f(std::unordered_map<int, A>)");
  EXPECT_EQ(compact_name("std::unique_ptr<A, std::default_delete<A> >::reset(A*)"),
            "std::unique_ptr<A>::reset(A*)");
}

TEST(CompactName, KeepsArgumentsThatAreNotDefaults) {
  EXPECT_EQ(compact_name("f(std::set<int, std::greater<int>, std::allocator<int> >)"),
            "f(std::set<int, std::greater<int>>)");
  EXPECT_EQ(compact_name("f(std::vector<int, Pool<int> >)"), "f(std::vector<int, Pool<int>>)");
  EXPECT_EQ(compact_name("f(mine::map<int, std::less<int> >)"), "f(mine::map<int, std::less<int>>)");
  EXPECT_EQ(compact_name("std::allocator<int>::allocate(unsigned long)"),
            "std::allocator<int>::allocate(unsigned long)");
}

TEST(CompactName, DropsReturnTypeOfTemplates) {
  EXPECT_EQ(compact_name("int* shop::make<int>(char const*)"), "shop::make<int>(char const*)");
  EXPECT_EQ(compact_name("std::vector<int, std::allocator<int> > (anonymous namespace)::f<3>()"),
            "(anonymous namespace)::f<3>()");
}

TEST(CompactName, LeavesOperatorsAlone) {
  for (const std::string name :
       {"operator new(unsigned long)", "operator new[](unsigned long, std::nothrow_t const&)",
        "A::operator()(int) const", "operator<<(B&, A const&)", "A::operator<(A const&) const",
        "A::operator->() const", "A::operator>>(int)", "A::operator char const*() const",
        "operator delete(void*)"}) {
    EXPECT_EQ(compact_name(name), name);
  }
  EXPECT_EQ(compact_name("bool operator< <int>(V<int> const&)"), "operator< <int>(V<int> const&)");
}

TEST(CompactName, DropsTagsAndCloneSuffixes) {
  EXPECT_EQ(compact_name("A::name[abi:cxx11]() const"), "A::name() const");
  EXPECT_EQ(compact_name("foo(int) [clone .cold]"), "foo(int)");
  EXPECT_EQ(compact_name("parse.constprop.0"), "parse");
  EXPECT_EQ(compact_name("parse.part.3.cold"), "parse");
}

TEST(CompactName, KeepsLambdas) {
  EXPECT_EQ(compact_name("main::{lambda(int)#1}::operator()(int) const"),
            "main::{lambda(int)#1}::operator()(int) const");
  EXPECT_EQ(compact_name("f(int)::{lambda(auto:1)#2}::operator()<long>(long) const"),
            "f(int)::{lambda(auto:1)#2}::operator()<long>(long) const");
}

TEST(CompactName, LeavesBrokenTextAlone) {
  const std::string deep(5000, '<');
  for (const std::string name : {"f(", "a<b", "x>y", "a]b", "f<int)>(", deep.c_str()}) {
    EXPECT_EQ(compact_name(name), name);
  }
}

}  // namespace
}  // namespace leakgate::symbolize
