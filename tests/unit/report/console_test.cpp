// SPDX-License-Identifier: Apache-2.0
// The console report: its last line, its bounds, and that nothing in it drives a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/report/report.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string last_line(const std::string& text) {
  EXPECT_TRUE(text.ends_with('\n'));
  const auto end = text.size() - 1;
  const auto begin = text.rfind('\n', end - 1);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1));
}

TEST(ConsoleReport, EndsInOneLineForGrep) {
  test::TwoTests builder;
  EXPECT_EQ(last_line(render_console(builder.verdict())),
            "leakgate: fail: 1 of 2 tests leak, 48 bytes in 2 blocks");
  builder.recording.run.incomplete_reasons.push_back({"map_full", 3, "the table was full", ""});
  EXPECT_EQ(last_line(render_console(builder.verdict())),
            "leakgate: incomplete: the table was full; 1 of 2 tests leak, 48 bytes in 2 blocks");
  builder.recording.run.incomplete_reasons.clear();
  builder.recording.blocks.clear();
  EXPECT_EQ(last_line(render_console(builder.verdict())), "leakgate: pass: 2 tests, no leaks");
}

TEST(ConsoleReport, TheLastLineHasNoColour) {
  ConsoleStyle style;
  style.colour = true;
  const auto text = render_console(test::TwoTests().verdict(), style);
  EXPECT_THAT(text, HasSubstr("\x1b[1;31mLEAK\x1b[0m"));
  EXPECT_EQ(last_line(text), "leakgate: fail: 1 of 2 tests leak, 48 bytes in 2 blocks");
  EXPECT_THAT(render_console(test::TwoTests().verdict()), Not(HasSubstr("\x1b")));
}

TEST(ConsoleReport, NamesTestSiteAndStack) {
  const auto text = render_console(test::TwoTests().verdict());
  EXPECT_THAT(text, HasSubstr("LEAK  Suite.Leaks  tests/list_test.cpp:10  48 bytes in 2 blocks\n"));
  EXPECT_THAT(
      text,
      HasSubstr("48 bytes in 2 blocks unclassified, allocated by malloc at src/list.cpp:12 in make_node\n"));
  EXPECT_THAT(text, HasSubstr("> #0  src/list.cpp:12"));
  EXPECT_THAT(text, HasSubstr("... 4 frames in libgtest.so.1.12.1"));
  EXPECT_THAT(text, Not(HasSubstr("Suite.Clean")));
}

TEST(ConsoleReport, AllowedLeaksAreShownWhenVerbose) {
  test::TwoTests builder;
  builder.recording.blocks[0].kind = model::Kind::still_reachable;
  builder.recording.blocks[0].retained_by = {"g_cache", "node"};
  EXPECT_THAT(render_console(builder.verdict()), Not(HasSubstr("make_node")));
  EXPECT_THAT(render_console(builder.verdict()), HasSubstr("not failing: 1 allowed (-v shows them)"));
  ConsoleStyle verbose;
  verbose.verbose = true;
  const auto text = render_console(builder.verdict(), verbose);
  EXPECT_THAT(text, HasSubstr("allowed: still_reachable blocks do not fail"));
  EXPECT_THAT(text, HasSubstr("held by g_cache"));
  EXPECT_THAT(text, HasSubstr("testing::TestInfo::Run"));
}

TEST(ConsoleReport, IncompleteReasonsComeWithTheirHints) {
  test::TwoTests builder;
  builder.recording.run.incomplete_reasons.push_back(
      {"map_full", 3, "the table was full", "use --max-live-blocks"});
  EXPECT_THAT(render_console(builder.verdict()),
              HasSubstr("  map_full: the table was full\n      hint: use --max-live-blocks\n"));
}

TEST(ConsoleReport, ExceededLimitsAreNamed) {
  judge::Policy policy;
  policy.run.bytes = 47;
  EXPECT_THAT(render_console(test::TwoTests().verdict(policy)),
              HasSubstr("limit: the run leaks 48 of at most 47 bytes\n"));
}

TEST(ConsoleReport, ManyLeaksAreCounted) {
  test::TwoTests builder;
  for (std::uint32_t line = 1; line <= 200; ++line)
    builder.leak(builder.leaky, builder.stack({test::app_frame("f", "src/f.cpp", line)}), line);
  EXPECT_THAT(render_console(builder.verdict()), HasSubstr("101 more leaks not shown here"));
}

TEST(ConsoleReport, NothingInItDrivesATerminal) {
  const auto text = render_console(judge::judge(test::hostile().recording, {}));
  for (const char c : text)
    ASSERT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
  EXPECT_THAT(text, Not(HasSubstr("\xFF")));
}

}  // namespace
}  // namespace leakgate::report
