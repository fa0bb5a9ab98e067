// SPDX-License-Identifier: Apache-2.0
// Differential test: a program that uses the whole malloc family at random, from several threads and
// children, keeps its own record; leakgate has to say the same, block for block and byte for byte, per site.
#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

[[maybe_unused]] const bool kTraces = trace_unclassified();

using Json = nlohmann::json;
/// "BLOCKS/BYTES" by site function.
using Sites = std::map<std::string, std::string>;

Sites recorded_sites(const std::filesystem::path& path) {
  Sites sites;
  const Json record = Json::parse(read_file(path), nullptr, false);
  if (!record.is_object()) return {{"no record at", path.string()}};
  for (const auto& [name, figures] : record["sites"].items())
    if (figures["blocks"] != 0) sites[name] = figures["blocks"].dump() + "/" + figures["bytes"].dump();
  return sites;
}

/// By process.
std::map<std::uint64_t, Sites> traced_sites(const Json& result) {
  std::map<std::uint64_t, std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>> sums;
  for (const Json& leak : result["leaks"]) {
    if (leak["verdict"] != "fail") continue;
    const Json site = site_of(leak);
    std::string function = site.is_null() ? "no site" : site["function"].get<std::string>();
    const auto start = function.find("site_");
    if (start != std::string::npos) function = function.substr(start, function.find('(', start) - start);
    auto& [blocks, bytes] = sums[leak["process"].get<std::uint64_t>()][function];
    blocks += leak["blocks"].get<std::uint64_t>();
    bytes += leak["bytes"].get<std::uint64_t>();
  }
  std::map<std::uint64_t, Sites> sites;
  for (const auto& [process, functions] : sums)
    for (const auto& [function, figures] : functions)
      sites[process][function] = std::to_string(figures.first) + "/" + std::to_string(figures.second);
  return sites;
}

class Random : public Live {
 protected:
  Traced run(int seed, int threads, int operations, int children = 0) {
    Traced traced = trace_program(scratch_, "live_random_alloc",
                                  {"--seed", std::to_string(seed), "--threads", std::to_string(threads),
                                   "--ops", std::to_string(operations), "--fork-children",
                                   std::to_string(children), "--out", scratch_ / "record"});
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
    return traced;
  }
};

class RandomSeed : public Random, public testing::WithParamInterface<int> {};

TEST_P(RandomSeed, SitesHaveExactlyTheRecordedBlocksAndBytes) {
  const int seed = GetParam();
  const Traced traced = run(seed, 1 + seed % 8, 20000);
  const auto sites = traced_sites(traced.result);
  ASSERT_EQ(sites.size(), 1u);
  EXPECT_EQ(sites.begin()->second, recorded_sites(scratch_ / "record"));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomSeed, testing::Range(1, 15),
                         [](const auto& seed) { return std::to_string(seed.param); });

/// By hand, for as long as one likes: LEAKGATE_RANDOM_SEEDS=FIRST-LAST, and LEAKGATE_RANDOM_PRELOAD=LIBRARY
/// for another allocator. Prints the number of operations without a difference.
TEST_F(Random, AsManySeedsAsAreAskedFor) {
  const char* const wanted = std::getenv("LEAKGATE_RANDOM_SEEDS");
  if (!wanted) GTEST_SKIP() << "LEAKGATE_RANDOM_SEEDS=FIRST-LAST asks for it";
  int first = 0;
  int last = -1;
  ASSERT_EQ(std::sscanf(wanted, "%d-%d", &first, &last), 2);
  const char* const preload = std::getenv("LEAKGATE_RANDOM_PRELOAD");
  std::uint64_t operations = 0;
  for (int seed = first; seed <= last && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    constexpr int kOperations = 50000;
    const int threads = 1 + seed % 16;
    TraceRequest request{
        .command = {program_path("live_random_alloc"), "--seed", std::to_string(seed), "--threads",
                    std::to_string(threads), "--ops", std::to_string(kOperations), "--out",
                    scratch_ / "record", "--pvalloc", preload ? "0" : "1"},
        .options = kUnclassified};
    if (preload) request.process.extra_environment = {std::string("LD_PRELOAD=") + preload};
    const Traced traced = trace(scratch_, request);
    ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
    EXPECT_EQ(traced.result["run"]["complete"], true) << traced.result["run"].dump(1);
    const auto sites = traced_sites(traced.result);
    ASSERT_EQ(sites.size(), 1u);
    EXPECT_EQ(sites.begin()->second, recorded_sites(scratch_ / "record"));
    const Json record = Json::parse(read_file(scratch_ / "record"), nullptr, false);
    ASSERT_TRUE(record.is_object());
    operations += record["allocations"].get<std::uint64_t>() + record["frees"].get<std::uint64_t>();
    std::printf("seed %d: %llu allocations and frees without a difference so far\n", seed,
                static_cast<unsigned long long>(operations));
    std::fflush(stdout);
  }
}

TEST_F(Random, ChildrenHaveTheirOwnRecords) {
  constexpr int kChildren = 4;
  const Traced traced = run(100, 3, 8000, kChildren);
  std::multiset<Sites> expected = {recorded_sites(scratch_ / "record")};
  for (int child = 1; child <= kChildren; ++child)
    expected.insert(recorded_sites(scratch_ / ("record." + std::to_string(child))));
  std::multiset<Sites> found;
  for (const auto& [process, sites] : traced_sites(traced.result))
    found.insert(sites);
  EXPECT_EQ(found, expected);
}

TEST_F(Random, HundredThreadsAreNotTooMany) {
  const auto sites = traced_sites(run(200, 100, 500).result);
  ASSERT_EQ(sites.size(), 1u);
  EXPECT_EQ(sites.begin()->second, recorded_sites(scratch_ / "record"));
}

}  // namespace
}  // namespace leakgate::live
