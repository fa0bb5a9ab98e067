// SPDX-License-Identifier: Apache-2.0
// Truth files: the log merges, the document survives a round trip, and damaged documents are refused.
#include "simulator/truth_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace leakgate::simulator {
namespace {

constexpr Site kSite{"f", "/src/a.cpp", 12};

TEST(TruthLog, MergesEqualLeaksAndKeepsOthersApart) {
  TruthLog* log = TruthLog::create();
  ASSERT_NE(log, nullptr);
  log->add(Kind::definitely_lost, LostWhen::in_test, false, false, kSite, "S.a", 1, 10);
  log->add(Kind::definitely_lost, LostWhen::in_test, false, false, kSite, "S.a", 2, 20);
  log->add(Kind::definitely_lost, LostWhen::in_test, false, false, kSite, "S.b", 1, 10);
  log->add(Kind::indirectly_lost, LostWhen::in_test, false, false, kSite, "S.a", 1, 10);
  ASSERT_EQ(log->size(), 3u);
  EXPECT_EQ(log->entry(0).blocks, 3u);
  EXPECT_EQ(log->entry(0).bytes, 30u);
}

TEST(TruthLog, SeesWhatAForkedChildWrites) {
  TruthLog* log = TruthLog::create();
  ASSERT_NE(log, nullptr);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    log->add(Kind::definitely_lost, LostWhen::in_test, false, true, kSite, {}, 1, 10);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  ASSERT_EQ(log->size(), 1u);
  EXPECT_TRUE(log->entry(0).child);
}

TEST(TruthLog, AFullLogGivesNoTruth) {
  TruthLog* log = TruthLog::create();
  ASSERT_NE(log, nullptr);
  for (std::uint32_t line = 0; line <= TruthLog::kCapacity; ++line) {
    log->add(Kind::definitely_lost, LostWhen::in_test, false, false, Site{"f", "a.cpp", line}, {}, 1, 1);
  }
  EXPECT_TRUE(log->overflowed());
  EXPECT_FALSE(truth_from_log(*log, "x", "leaking", 1).has_value());
}

Truth sample() {
  Truth truth;
  truth.scenario = "plain_new";
  truth.twin = "leaking";
  truth.seed = 9;
  truth.leaks.push_back(
      {"definitely_lost", false, "in_test", 2, 30, "f", "/src/a.cpp", 12, "S.\"a\"", false});
  truth.leaks.push_back({"indirectly_lost", true, "late", 1, 7, "g", "/src/b.cpp", 13, std::nullopt, true});
  return truth;
}

TEST(TruthFile, SurvivesARoundTrip) {
  const Result<Truth> read = parse_truth(truth_to_json(sample()));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->scenario, "plain_new");
  EXPECT_EQ(read->seed, 9u);
  ASSERT_EQ(read->leaks.size(), 2u);
  EXPECT_EQ(read->leaks[0].test, "S.\"a\"");
  EXPECT_EQ(read->leaks[1].test, std::nullopt);
  EXPECT_TRUE(read->leaks[1].child);
  EXPECT_TRUE(read->leaks[1].cycle);
  EXPECT_EQ(read->total_bytes(), 37u);
  EXPECT_EQ(truth_to_json(*read), truth_to_json(sample()));
}

TEST(TruthFile, RefusesDamagedDocuments) {
  const std::string good = truth_to_json(sample());
  EXPECT_FALSE(parse_truth("").has_value());
  EXPECT_FALSE(parse_truth(good.substr(0, good.size() / 2)).has_value());
  std::string other = good;
  other.replace(other.find("truth/1"), 7, "truth/2");
  EXPECT_FALSE(parse_truth(other).has_value());
  other = good;
  other.replace(other.find("\"bytes\": 30"), 11, "\"bytes\": 31");
  EXPECT_FALSE(parse_truth(other).has_value());
  other = good;
  other.replace(other.find("definitely_lost"), 15, "certainly__lost");
  EXPECT_FALSE(parse_truth(other).has_value());
}

class TruthFileOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "leakgate-truth-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path directory_;
};

TEST_F(TruthFileOnDisk, IsWrittenWholeAndReadBack) {
  const std::string path = directory_ / "truth.json";
  ASSERT_TRUE(write_text(path, "old").has_value());
  ASSERT_TRUE(write_text(path, "new text").has_value());
  EXPECT_EQ(*read_text(path), "new text");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);
}

TEST_F(TruthFileOnDisk, IsLookedAtBeforehand) {
  EXPECT_TRUE(check_text(directory_ / "figures"));
  EXPECT_FALSE(check_text(directory_ / "missing" / "figures"));
  EXPECT_FALSE(check_text(directory_));
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(TruthFileOnDisk, SaysWhatCannotBeWrittenOrRead) {
  EXPECT_FALSE(write_text(directory_ / "missing" / "truth.json", "x").has_value());
  EXPECT_FALSE(read_text(directory_ / "none").has_value());
  EXPECT_FALSE(read_text(directory_).has_value());
}

}  // namespace
}  // namespace leakgate::simulator
