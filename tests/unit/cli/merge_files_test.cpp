// SPDX-License-Identifier: Apache-2.0
// Which files of --merge-junit are of the run that has just ended.
#include "harness/cli/merge_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/base/temporary_directory.h"

namespace leakgate::cli {
namespace {

using ::testing::HasSubstr;

class MergeFilesTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const char* name) const { return folder_.path() / name; }
  void write(const char* name, const char* text = "<testsuite/>") const { std::ofstream(path(name)) << text; }
  testing::TemporaryDirectory folder_;
};

TEST_F(MergeFilesTest, WhatTheRunDidNotWriteIsLeftOut) {
  write("old.xml");
  const MergeFiles files({path("missing.xml"), path("old.xml"), path("new.xml")});
  write("new.xml");
  const MergedFiles merged = files.read();
  EXPECT_EQ(merged.inputs.documents.size(), 1u);
  ASSERT_EQ(merged.left_out.size(), 2u);
  EXPECT_THAT(merged.left_out[0].message, HasSubstr("missing.xml was not written"));
  EXPECT_THAT(merged.left_out[1].message, HasSubstr("old.xml is of an earlier run"));
  EXPECT_FALSE(merged.any_unreadable());
}

TEST_F(MergeFilesTest, WhatItWroteAnewIsMerged) {
  write("r.xml");
  std::filesystem::last_write_time(path("r.xml"),
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  const MergeFiles files({path("r.xml")});
  write("r.xml");
  EXPECT_EQ(files.read().inputs.documents.size(), 1u);
}

TEST_F(MergeFilesTest, WhatIsNoXmlIsTold) {
  const MergeFiles files({path("cut.xml"), path("whole.xml")});
  write("cut.xml", "<testsuite><testc");
  write("whole.xml");
  const MergedFiles merged = files.read();
  EXPECT_EQ(merged.inputs.documents.size(), 1u);
  EXPECT_EQ(merged.left_out.size(), 1u);
  EXPECT_TRUE(merged.any_unreadable());
}

}  // namespace
}  // namespace leakgate::cli
