// SPDX-License-Identifier: Apache-2.0
#include "harness/symbolize/source_path.h"

#include <gtest/gtest.h>

namespace leakgate::symbolize {
namespace {

TEST(NormalizePath, RemovesDotsAndDoubledSlashes) {
  EXPECT_EQ(normalize_path("/a/./b//c/../d"), "/a/b/d");
  EXPECT_EQ(normalize_path("./a/b"), "a/b");
  EXPECT_EQ(normalize_path("../../a"), "../../a");
  EXPECT_EQ(normalize_path("/../a"), "/a");
  EXPECT_EQ(normalize_path("a/.."), ".");
  EXPECT_EQ(normalize_path(""), "");
}

TEST(SourcePaths, AreRelativeToTheRoot) {
  const SourcePaths paths({"/home/me/project/", {}});
  EXPECT_EQ(paths.display("/home/me/project/src/a.cpp"), "src/a.cpp");
  EXPECT_EQ(paths.display("/home/me/project/build/../src/a.cpp"), "src/a.cpp");
  EXPECT_EQ(paths.display("/home/me/project2/a.cpp"), "/home/me/project2/a.cpp");
  EXPECT_EQ(paths.display("/usr/include/c++/12/string"), "/usr/include/c++/12/string");
}

TEST(SourcePaths, RootDirectoryIsNoSourceRoot) {
  EXPECT_EQ(SourcePaths({"/", {}}).display("/a/b"), "/a/b");
}

TEST(SourcePaths, ProcSelfCwdIsTheRoot) {
  EXPECT_EQ(SourcePaths({}).display("/proc/self/cwd/src/a.cpp"), "src/a.cpp");
  EXPECT_EQ(SourcePaths({}).display("/proc/self/cwdx/a.cpp"), "/proc/self/cwdx/a.cpp");
}

TEST(SourcePaths, MapsThenMakesRelative) {
  const SourcePaths paths({"/home/me", {{"/build", "/home/me"}, {"/x", "y"}}});
  EXPECT_EQ(paths.display("/build/src/a.cpp"), "src/a.cpp");
  EXPECT_EQ(paths.display("/builder/a.cpp"), "/builder/a.cpp");
  EXPECT_EQ(paths.display("/x/a.cpp"), "y/a.cpp");
}

TEST(SourcePaths, MapToNothingLeavesARelativePath) {
  EXPECT_EQ(SourcePaths({"", {{"/build", ""}}}).display("/build/src/a.cpp"), "src/a.cpp");
}

TEST(SourcePaths, LastMatchingMapWins) {
  EXPECT_EQ(SourcePaths({"", {{"/a", "first"}, {"/a/b", "second"}}}).display("/a/b/c"), "second/c");
  EXPECT_EQ(SourcePaths({"", {{"/a/b", "first"}, {"/a", "second"}}}).display("/a/b/c"), "second/b/c");
}

TEST(SourcePaths, MapsTheUntidyFormToo) {
  EXPECT_EQ(SourcePaths({"", {{"/a", "src"}}}).display("/b/../a/c"), "src/c");
  EXPECT_EQ(SourcePaths({"", {{".", "src"}}}).display("./c"), "src/c");
}

TEST(PathMap, SplitsAtTheLastEqualsSign) {
  std::pair<std::string, std::string> map;
  ASSERT_TRUE(parse_path_map("/a=b=c", map));
  EXPECT_EQ(map.first, "/a=b");
  EXPECT_EQ(map.second, "c");
  EXPECT_FALSE(parse_path_map("/a", map));
  EXPECT_FALSE(parse_path_map("=b", map));
}

}  // namespace
}  // namespace leakgate::symbolize
