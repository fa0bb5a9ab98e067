// SPDX-License-Identifier: Apache-2.0
// Each block outstanding is in the histogram of ages, whoever summed it up: the classifier at a judged
// moment, or the tracer itself where nothing is classified.
#include <time.h>

#include <bit>
#include <cmath>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using Json = nlohmann::json;

class Ages : public Live {
 protected:
  static double tick_s() {
    timespec tick{};
    (void)::clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    return static_cast<double>(tick.tv_nsec) / 1e9;
  }
  /// The bucket of "age_s", whose three decimals are milliseconds.
  static std::size_t bucket_of(const Json& age_s) {
    return static_cast<std::size_t>(
        std::bit_width(static_cast<std::uint64_t>(std::llround(age_s.get<double>() * 1e3))));
  }
  /// Counts as many blocks as there are, from the bucket of the youngest to that of the oldest.
  static void expect_ages(const Json& leak) {
    ASSERT_TRUE(leak["age_log2_ms"].is_array()) << leak.dump(1);
    const auto ages = leak["age_log2_ms"].get<std::vector<std::uint64_t>>();
    std::uint64_t blocks = 0;
    for (const auto count : ages)
      blocks += count;
    EXPECT_EQ(blocks, leak["blocks"].get<std::uint64_t>());
    ASSERT_EQ(ages.size(), bucket_of(leak["age_s"]["max"]) + 1) << leak.dump(1);
    EXPECT_GT(ages.back(), 0u);
    const std::size_t youngest = bucket_of(leak["age_s"]["min"]);
    ASSERT_LT(youngest, ages.size());
    EXPECT_GT(ages[youngest], 0u) << leak.dump(1);
    for (std::size_t i = 0; i < youngest; ++i)
      EXPECT_EQ(ages[i], 0u) << leak.dump(1);
  }
};

TEST_F(Ages, OfEachBlockAreCountedWhoeverSumsThemUp) {
  for (const std::vector<std::string>& options : {std::vector<std::string>(), kUnclassified}) {
    const Traced traced = trace_program(scratch_, "live_ages", {}, options);
    expect_whole(traced);
    ASSERT_EQ(traced.result["leaks"].size(), 1u) << traced.program.err;
    const Json& leak = traced.result["leaks"][0];
    EXPECT_EQ(leak["blocks"], 3);
    expect_ages(leak);
    EXPECT_GE(leak["age_s"]["max"].get<double>() - leak["age_s"]["min"].get<double>(), 0.138 - tick_s())
        << "the tracer's clock has whole milliseconds, the library's the ticks of the system's timer";
  }
}

}  // namespace
}  // namespace leakgate::live
