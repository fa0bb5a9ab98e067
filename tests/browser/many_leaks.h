// SPDX-License-Identifier: Apache-2.0
// A recording with as many leaks as a page has to bear.
#pragma once

#include <string>

#include "tests/unit/judge/recording_builder.h"

namespace leakgate::browser {

/// `leaks` leaks in tests of 50 each, with stacks of their own, other sizes and ages.
inline model::Recording many_leaks(std::size_t leaks) {
  test::RecordingBuilder builder;
  const auto process = builder.process();
  std::uint32_t row = 0;
  for (std::size_t i = 0; i < leaks; ++i) {
    if (i % 50 == 0)
      row = builder.test(process, "Suite" + std::to_string(i / 500) + ".Case" + std::to_string(i / 50));
    const std::string number = std::to_string(i);
    const auto stack = builder.stack(test::with_gtest_below(
        {{"parser::make_node_" + number, "/home/dev/app/src/parser_" + std::to_string(i % 40) + ".cpp",
          static_cast<std::uint32_t>(10 + i % 300)},
         {"parser::parse_document", "/home/dev/app/src/parser.cpp", 77},
         {"Suite_Case_Test::TestBody", "/home/dev/app/tests/parser_test.cpp",
          static_cast<std::uint32_t>(20 + i % 90)}}));
    auto& group = builder.leak(row, stack, 16 + i * 7 % 5003, 1 + i % 4);
    group.kind = model::Kind::definitely_lost;
    group.age_max_ms = 1ull << i % 14;
    group.age_min_ms = 0;
    group.age_log2_ms.assign(2 + i % 14, 0);  // one block is the oldest, the others are new
    group.age_log2_ms.front() = group.blocks - 1;
    group.age_log2_ms.back() = 1;
    builder.recording.stacks[stack].allocations = 40;
    builder.recording.stacks[stack].frees = 36;
    builder.recording.stacks[stack].lifetime_log2_ms = {20, 10, 4, 2};
  }
  return builder.recording;
}

}  // namespace leakgate::browser
