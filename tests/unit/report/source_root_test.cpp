// SPDX-License-Identifier: Apache-2.0
// What paths in reports are relative to.
#include "harness/report/source_root.h"

#include <gtest/gtest.h>

#include "harness/judge/judge.h"
#include "tests/unit/judge/recording_builder.h"

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

/// A program without a framework, run in `cwd`, that leaks at the first of each list of files, innermost
/// first.
SourceRoot root_of_leaks(const std::string& cwd, const std::vector<std::vector<std::string>>& stacks) {
  test::RecordingBuilder builder;
  builder.recording.run.cwd = cwd;
  const auto test = builder.test(builder.process(), "program", model::Framework::none, "", 0);
  for (const auto& files : stacks) {
    std::vector<test::FrameText> frames;
    for (const auto& file : files)
      frames.push_back({"f" + std::to_string(frames.size()) + file, file, 1});
    builder.leak(test, builder.stack(frames), 8, 1);
  }
  return SourceRoot(judge::judge(builder.recording, {}));
}

TEST(SourceRoot, AGivenOneIsTheRootWhateverLeaks) {
  test::RecordingBuilder builder;
  builder.recording.run.cwd = "/home/dev/app/build";
  builder.recording.run.source_root = "/home/dev/app/build/..";
  const auto test =
      builder.test(builder.process(), "A.One", model::Framework::gtest, "/home/dev/app/t.cpp", 1);
  builder.leak(test, builder.stack({{"other", "/home/dev/dep/o.cpp", 2}, {"main", "tests/t.cpp", 3}}), 8, 1);
  const SourceRoot r(judge::judge(builder.recording, {}));
  EXPECT_EQ(r.path(), "/home/dev/app");
  EXPECT_EQ(r.relative("tests/t.cpp"), "tests/t.cpp");
  EXPECT_EQ(r.relative("/home/dev/app/tests/t.cpp"), "tests/t.cpp");
  EXPECT_EQ(r.relative("/home/dev/dep/o.cpp"), "/home/dev/dep/o.cpp");
  EXPECT_FALSE(r.contains("/home/dev/dep/o.cpp"));
}

TEST(SourceRoot, FilesOfADependencyDoNotMakeItWider) {
  const std::vector<std::string> of_dependency{"/home/dev/dep/o.cpp", "tests/t.cpp", "/usr/src/start.c"};
  EXPECT_EQ(root_of_leaks("/home/dev/app", {of_dependency}).path(), "/home/dev/app");
  EXPECT_EQ(root_of_leaks("/home/dev/app", {{"tests/t.cpp"}, of_dependency}).path(), "/home/dev/app");
  EXPECT_EQ(root_of_leaks("/home/dev/app/build", {{"/home/dev/app/t.cpp"}, of_dependency}).path(),
            "/home/dev/app");
  EXPECT_EQ(root("/home/dev/app", {"/home/dev/app/a.cpp", "/home/dev/dep/b.cpp"}).path(), "/home/dev/app");
  EXPECT_EQ(root("/home/dev/app/build", {"/home/dev/app/a.cpp", "/home/dev/app/b.cpp", "/home/dev/dep/c.cpp"})
                .path(),
            "/home/dev/app");
}

TEST(SourceRoot, LeaksLeaveABuildFolderWhereNoTestSaysWhereItIs) {
  EXPECT_EQ(root_of_leaks("/home/dev/app/build", {{"/home/dev/dep/o.cpp", "/home/dev/app/t.cpp"}}).path(),
            "/home/dev/app");
}

/// __FILE__ of a test counts from where the compiler was called, not from where the test runs.
TEST(SourceRoot, RelativeFilesOfTestsStay) {
  const auto r = root("/home/dev/app/run", {"/home/dev/app/a.cpp"});
  EXPECT_EQ(r.relative_of_test("tests/t.cpp"), "tests/t.cpp");
  EXPECT_EQ(r.relative_of_test("/home/dev/app/tests/t.cpp"), "tests/t.cpp");
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
