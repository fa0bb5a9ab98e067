// SPDX-License-Identifier: Apache-2.0
// What paths in reports are relative to.
#include "harness/report/source_root.h"

#include <gtest/gtest.h>

namespace leakgate::report {
namespace {

SourceRoot root(const std::string& cwd, const std::vector<std::string>& test_files) {
  model::Verdict verdict;
  verdict.run.cwd = cwd;
  for (const auto& file : test_files)
    verdict.tests.emplace_back().test.file = file;
  return SourceRoot(verdict);
}

TEST(SourceRoot, IsTheWorkingDirectoryWhereTheFilesAreBelowIt) {
  const auto r = root("/home/dev/app/", {"/home/dev/app/tests/a.cpp"});
  EXPECT_EQ(r.path(), "/home/dev/app");
  EXPECT_EQ(r.relative("/home/dev/app/src/../src/b.cpp"), "src/b.cpp");
  EXPECT_EQ(r.relative("/usr/include/c.h"), "/usr/include/c.h");
  EXPECT_EQ(r.relative("/home/dev/application/b.cpp"), "/home/dev/application/b.cpp");
  EXPECT_EQ(r.relative("./src/b.cpp"), "src/b.cpp");
}

TEST(SourceRoot, LeavesABuildFolder) {
  EXPECT_EQ(root("/home/dev/app/build", {"/home/dev/app/tests/a.cpp"}).path(), "/home/dev/app");
  EXPECT_EQ(root("/home/dev/build", {"/home/dev/app/a.cpp", "/home/dev/app/b.cpp"}).path(), "/home/dev");
}

/// What was recorded relative to the working directory is still found.
TEST(SourceRoot, PathsThatAreRelativeAlreadyGoWithTheWorkingDirectory) {
  const auto r = root("/home/dev/app/repo", {"/home/dev/app/third/lib.cpp"});
  EXPECT_EQ(r.path(), "/home/dev/app");
  EXPECT_EQ(r.relative("src/a.cpp"), "repo/src/a.cpp");
  EXPECT_EQ(r.relative("./src/../src/a.cpp"), "repo/src/a.cpp");
  EXPECT_EQ(r.relative("/home/dev/app/third/lib.cpp"), "third/lib.cpp");
  EXPECT_EQ(r.relative("../sysdeps/x.c"), "../sysdeps/x.c");
  EXPECT_EQ(r.relative(""), "");
}

TEST(SourceRoot, IsNotWidenedToNothing) {
  EXPECT_EQ(root("/home/dev/app", {"/usr/include/gtest/gtest.h"}).path(), "/home/dev/app");
  EXPECT_EQ(root("/home/dev/app", {"/srv/a.cpp"}).path(), "/home/dev/app");
  EXPECT_EQ(root("/", {"/srv/a.cpp"}).path(), "");
  EXPECT_EQ(root("", {"/srv/a.cpp"}).path(), "");
}

TEST(SourceRoot, ContainsItsFilesAndRelativeOnes) {
  const auto r = root("/home/dev/app", {});
  EXPECT_TRUE(r.contains("/home/dev/app/a.cpp"));
  EXPECT_TRUE(r.contains("a.cpp"));
  EXPECT_FALSE(r.contains("/usr/a.h"));
  EXPECT_FALSE(r.contains(""));
}

TEST(SourceRoot, UrisAreEncoded) {
  EXPECT_EQ(uri_path("/a b/c#d%.cpp"), "/a%20b/c%23d%25.cpp");
  EXPECT_EQ(uri_path("x\xE2\x82\xAC"), "x%E2%82%AC");
  EXPECT_EQ(uri_path("c:d"), "c%3Ad") << "would be a scheme";
}

}  // namespace
}  // namespace leakgate::report
