// SPDX-License-Identifier: Apache-2.0
// The lines that CTest's memcheck parser counts, letter by letter.
#include <gmock/gmock.h>

#include <regex>

#include "harness/report/report.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using test::TwoTests;
using testing::HasSubstr;

/// The lines that CTest counts as a leak; as in its source, the words in front of "definitely" may be a sum.
int counted(const std::string& log, const std::string& words) {
  const std::regex line("==[0-9]+== .*[0-9,]+ bytes in [0-9,]+ blocks are " + words +
                        " in loss record [0-9,]+ of [0-9,]+");
  return static_cast<int>(
      std::distance(std::sregex_iterator(log.begin(), log.end(), line), std::sregex_iterator()));
}

TEST(ValgrindLog, SaysEachKindInValgrindsWords) {
  for (const auto& [kind, words] : {std::pair{model::Kind::definitely_lost, "definitely lost"},
                                    std::pair{model::Kind::possibly_lost, "possibly lost"},
                                    std::pair{model::Kind::unclassified, "possibly lost"},
                                    std::pair{model::Kind::still_reachable, "still reachable"}}) {
    TwoTests run;
    run.recording.blocks[0].kind = kind;
    judge::Policy policy;
    policy.rules.failing_kinds = {{kind}};
    EXPECT_EQ(counted(render(run.verdict(policy), Format::valgrind_log), words), 1) << words;
  }
}

TEST(ValgrindLog, ShowsWhereAndInWhichTest) {
  const std::string log = render(TwoTests().verdict(), Format::valgrind_log);
  EXPECT_THAT(log, HasSubstr("48 bytes in 2 blocks are"));
  EXPECT_THAT(log, HasSubstr(": make_node (list.cpp:12)\n"));
  EXPECT_THAT(log, HasSubstr("in test Suite.Leaks\n"));
  EXPECT_THAT(log, HasSubstr("ERROR SUMMARY: 1 errors from 1 contexts"));
}

TEST(ValgrindLog, ACleanRunHasNoRecord) {
  TwoTests run;
  run.recording.blocks.clear();
  const std::string log = render(run.verdict(), Format::valgrind_log);
  EXPECT_THAT(log, testing::Not(HasSubstr("loss record")));
  EXPECT_THAT(log, HasSubstr("ERROR SUMMARY: 0 errors"));
}

}  // namespace
}  // namespace leakgate::report
