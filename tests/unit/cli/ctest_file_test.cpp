// SPDX-License-Identifier: Apache-2.0
// The text that CTest includes: names come through whatever is in them, and properties go to whom they are
// meant for.
#include "harness/cli/ctest_file.h"

#include <gmock/gmock.h>

namespace leakgate::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(CtestFile, NoTextEndsItsOwnArgument) {
  EXPECT_EQ(cmake_argument("plain; $x \"q\" \\"), "[[plain; $x \"q\" \\]]");
  EXPECT_EQ(cmake_argument("a[0]"), "[=[a[0]]=]");
  EXPECT_EQ(cmake_argument("]]"), "[=[]]]=]");
  EXPECT_EQ(cmake_argument("x]="), "[[x]=]]");
  EXPECT_EQ(cmake_argument("]=]]"), "[==[]=]]]==]");
  EXPECT_EQ(cmake_argument("]]="), "[==[]]=]==]");
  EXPECT_EQ(cmake_argument(""), "[[]]");
  EXPECT_EQ(cmake_argument("\nx"), "[[\n\nx]]");
}

struct Rows {
  RowsRequest request;
  TestList list;
  Rows() {
    request.target = "t";
    request.folder = "/b/leakcheck/t-1";
    request.leakgate = "/usr/bin/leakgate";
    request.list_variable = "t_LEAKCHECK_TESTS";
    request.program.program = "/b/t";
    request.program.working_directory = "/b";
    list = {model::Framework::gtest, true, {{"A.B", false}, {"A.DISABLED_C", true}}};
  }
  /// What is said of the test `name`: its two lines.
  [[nodiscard]] std::string said_of(const std::string& name) const {
    const std::string text = format_ctest_file(request, list);
    const auto begin = text.find("add_test(" + cmake_argument(name) + " ");
    if (begin == std::string::npos) return "";
    const auto next = text.find("\nadd_test(", begin);
    return text.substr(begin, std::min(next, text.find("\nset(", begin)) - begin);
  }
};

TEST(CtestFile, TheRunIsAFixtureOfItsRows) {
  const Rows rows;
  EXPECT_THAT(rows.said_of("leakcheck.t"),
              AllOf(HasSubstr("FIXTURES_SETUP"), HasSubstr("[[--exit-status=none]]")));
  EXPECT_THAT(rows.said_of("leakcheck.t.A.B"),
              AllOf(HasSubstr("FIXTURES_REQUIRED"), HasSubstr("[[--test=A.B]]"),
                    HasSubstr("[[LABELS]] [[leakcheck]]"), Not(HasSubstr("DISABLED"))));
  EXPECT_THAT(rows.said_of("leakcheck.t.A.DISABLED_C"), HasSubstr("[[DISABLED]] [[TRUE]]"));
  EXPECT_THAT(rows.said_of("leakcheck.t.(outside tests)"), HasSubstr("--others=/b/leakcheck/t-1/ids"));
}

TEST(CtestFile, PropertiesOfTheRunStayWithIt) {
  Rows rows;
  rows.request.properties = {{"ENVIRONMENT", "A=1;B=2"}, {"WILL_FAIL", "TRUE"}, {"DISABLED", "TRUE"}};
  EXPECT_THAT(rows.said_of("leakcheck.t"), AllOf(HasSubstr("[[ENVIRONMENT]] [[A=1;B=2]]"),
                                                 HasSubstr("DISABLED"), Not(HasSubstr("WILL_FAIL"))));
  EXPECT_THAT(rows.said_of("leakcheck.t.A.B"), AllOf(Not(HasSubstr("ENVIRONMENT")), HasSubstr("DISABLED"),
                                                     HasSubstr("[[WILL_FAIL]] [[TRUE]]")));
  rows.request.per_test = true;
  EXPECT_THAT(rows.said_of("leakcheck.t.A.B"), AllOf(HasSubstr("ENVIRONMENT"), HasSubstr("WILL_FAIL")));
}

TEST(CtestFile, ReportsHaveTheNameThatTheSetOfRowsHas) {
  Rows rows;
  rows.request.junit_folder = "/b/j";
  rows.request.report_name = "t.one";
  EXPECT_THAT(rows.said_of("leakcheck.t"), HasSubstr("[[--junit=/b/j/t.one.xml]]"));
  rows.request.per_test = true;
  EXPECT_THAT(rows.said_of("leakcheck.t.A.B"), HasSubstr("[[--junit=/b/j/t.one.A_B.0.xml]]"));
}

TEST(CtestFile, PerTestRunsEachTestAndExpectsIt) {
  Rows rows;
  rows.request.per_test = true;
  rows.request.launcher = {"sudo", "-n"};
  EXPECT_EQ(rows.said_of("leakcheck.t"), "");
  EXPECT_THAT(
      rows.said_of("leakcheck.t.A.B"),
      AllOf(HasSubstr("[[sudo]] [[-n]] [[/usr/bin/leakgate]] [[run]]"),
            HasSubstr("[[--expect-test=A.B]] [[--only-expected-tests]]"),
            HasSubstr("[[--]] [[/b/t]] [[--gtest_filter=A.B]]"), HasSubstr("[[--exit-status=gate]]")));
}

TEST(CtestFile, DisabledTestsRunWhereTheProgramIsToldSo) {
  Rows rows;
  rows.request.program.arguments = {"--gtest_also_run_disabled_tests"};
  EXPECT_THAT(rows.said_of("leakcheck.t.A.DISABLED_C"), Not(HasSubstr("[[DISABLED]]")));
}

TEST(CtestFile, SkipsOnlyWhenAsked) {
  Rows rows;
  EXPECT_THAT(rows.said_of("leakcheck.t.A.B"), Not(HasSubstr("SKIP_RETURN_CODE")));
  rows.request.may_skip = true;
  EXPECT_THAT(rows.said_of("leakcheck.t"),
              AllOf(HasSubstr("[[--if-unsupported=skip]]"), HasSubstr("SKIP_RETURN_CODE")));
  EXPECT_THAT(rows.said_of("leakcheck.t.A.B"), AllOf(HasSubstr("SKIP_RETURN_CODE"), HasSubstr("--skip=yes")));
}

TEST(CtestFile, NamesOfRowsAreInTheListVariable) {
  Rows rows;
  rows.request.prefix = "p.";
  rows.request.suffix = ".s";
  EXPECT_THAT(format_ctest_file(rows.request, rows.list),
              HasSubstr("set([[t_LEAKCHECK_TESTS]] [[leakcheck.t.p.A.B.s]] [[leakcheck.t.p.A.DISABLED_C.s]] "
                        "[[leakcheck.t.p.(outside tests).s]])"));
}

}  // namespace
}  // namespace leakgate::cli
