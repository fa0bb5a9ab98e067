// SPDX-License-Identifier: Apache-2.0
// Which part of a suite a command says it runs.
#include "harness/pipeline/shard.h"

#include <gtest/gtest.h>

#include <map>

namespace leakgate::pipeline {
namespace {

std::string part(const std::vector<std::string>& command,
                 std::map<std::string, std::string> environment = {}) {
  const auto shard =
      find_shard(command, [&](std::string_view name) { return environment[std::string(name)]; });
  return shard ? std::to_string(shard->index) + "/" + std::to_string(shard->total) + " " + shard->by : "none";
}

TEST(FindShard, ReadsWhatFrameworksRead) {
  EXPECT_EQ(part({"./t"}), "none");
  EXPECT_EQ(part({"./t"}, {{"GTEST_TOTAL_SHARDS", "3"}, {"GTEST_SHARD_INDEX", "2"}}),
            "2/3 GTEST_TOTAL_SHARDS");
  EXPECT_EQ(part({"./t", "--shard-count", "4", "--shard-index", "1"}), "1/4 --shard-count");
  EXPECT_EQ(part({"./t", "--shard-count=4", "--shard-index=3"}), "3/4 --shard-count");
  EXPECT_EQ(part({"./t", "--shard-count", "4"}), "0/4 --shard-count");
}

TEST(FindShard, ReadsCtestsStride) {
  EXPECT_EQ(part({"/usr/bin/ctest", "-I", "2,,5"}), "1/5 ctest -I");
  EXPECT_EQ(part({"ctest", "-I,,5"}), "0/5 ctest -I");
  EXPECT_EQ(part({"ctest", "-I", "1,10"}), "none") << "a range says nothing about the rest";
  EXPECT_EQ(part({"./t", "-I", "2,,5"}), "none") << "that is ctest's option";
}

TEST(FindShard, WhatMakesNoSenseIsNoPart) {
  EXPECT_EQ(part({"./t"}, {{"GTEST_TOTAL_SHARDS", "3"}, {"GTEST_SHARD_INDEX", "3"}}), "none");
  EXPECT_EQ(part({"./t"}, {{"GTEST_TOTAL_SHARDS", "0"}}), "none");
  EXPECT_EQ(part({"./t"}, {{"GTEST_TOTAL_SHARDS", "x"}, {"GTEST_SHARD_INDEX", "1"}}), "none");
  EXPECT_EQ(part({"ctest", "-I", "9,,5"}), "none");
  EXPECT_EQ(part({}), "none");
}

}  // namespace
}  // namespace leakgate::pipeline
