// SPDX-License-Identifier: Apache-2.0
// Recordings that judge cannot read: each is refused whole, and no report is begun.
#include "tests/cli/cli_run.h"

namespace leakgate::live {
namespace {

class BadRecording : public Cli {
 protected:
  void SetUp() override { good_ = read_file(std::string(LEAKGATE_GOLDEN) + "/leaks/recording.lgrec"); }
  void expect_refused(const std::string& path, std::string_view message) {
    const auto before = files();
    expect_refusal(leakgate({"judge", path, "--json", "r.json", "--junit", "r.xml", "--sarif", "r.sarif"}),
                   125, message);
    EXPECT_EQ(files(), before) << "a report was written";
  }
  std::string good_;
};

TEST_F(BadRecording, DoesNotExist) {
  expect_refused("no-such-recording", "no-such-recording");
}

TEST_F(BadRecording, HasANameThatWouldBeACommandToACiService) {
  expect_refusal(leakgate({"judge", "shards/a\n::error::b\x1b[31m"}), 125,
                 "shards/a\\x0a::error::b\\x1b[31m");
}

TEST_F(BadRecording, IsADirectory) {
  std::filesystem::create_directory(scratch_ / "folder");
  expect_refused("folder", "folder");
}

TEST_F(BadRecording, MayNotBeRead) {
  make_room_for_nobody();
  write_file(scratch_ / "secret", good_);
  std::filesystem::permissions(scratch_ / "secret", std::filesystem::perms(0));
  const auto before = files();
  expect_refusal(leakgate_as_nobody({"judge", "secret", "--json", "r.json"}), 125, "secret");
  EXPECT_EQ(files(), before);
}

TEST_F(BadRecording, IsEmpty) {
  write_file(scratch_ / "empty", "");
  expect_refused("empty", "truncated");
}

TEST_F(BadRecording, IsSomethingElse) {
  write_file(scratch_ / "text", "hello\nworld\n");
  expect_refused("text", "not a leakgate recording");
  expect_refused(leakgate_path(), "not a leakgate recording");
}

TEST_F(BadRecording, IsCutOffAnywhere) {
  ASSERT_GT(good_.size(), 100u);
  for (const double part : {0.01, 0.1, 0.5, 0.9, 0.999}) {
    SCOPED_TRACE(part);
    write_file(scratch_ / "cut",
               std::string_view(good_).substr(0, static_cast<std::size_t>(good_.size() * part)));
    expect_refused("cut", "cut");
  }
}

TEST_F(BadRecording, IsDamagedInTheMiddle) {
  std::string damaged = good_;
  damaged.replace(damaged.size() / 2, 20, std::string(20, '\0'));
  write_file(scratch_ / "damaged", damaged);
  expect_refused("damaged", "damaged");
}

TEST_F(BadRecording, IsTheSecondOfTwo) {
  write_file(scratch_ / "good", good_);
  write_file(scratch_ / "bad", "hello\n");
  const auto before = files();
  expect_refusal(leakgate({"judge", "good", "bad", "--json", "r.json"}), 125, "bad");
  EXPECT_EQ(files(), before);
}

TEST_F(BadRecording, ReportThatCannotBeWrittenIsFoundOutFirst) {
  write_file(scratch_ / "good", good_);
  const auto before = files();
  expect_refusal(leakgate({"judge", "good", "--junit", "fine.xml", "--json", "nowhere/r.json"}), 125,
                 "nowhere/r.json");
  EXPECT_EQ(files(), before);
}

}  // namespace
}  // namespace leakgate::live
