// SPDX-License-Identifier: Apache-2.0
// Policy file, suppressions, baseline and merging from the command line: what is found, what wins, what is
// refused and what is left untouched.
#include <unistd.h>

#include "tests/cli/cli_run.h"

namespace leakgate::live {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class AcceptedLeaks : public Cli {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(scratch_ /
                                      ".git");  // nothing above the scratch directory is the project's
  }
  static std::string recording(std::string_view name = "stripped") {
    return std::string(LEAKGATE_GOLDEN) + "/" + std::string(name) + "/recording.lgrec";
  }
  ProgramResult judge(std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"judge", recording()});
    return leakgate(std::move(options));
  }
  ProgramResult baseline(std::string_view action, std::vector<std::string> rest = {}) {
    rest.insert(rest.begin(), {"baseline", std::string(action), "b.json"});
    return leakgate(std::move(rest));
  }
};

TEST_F(AcceptedLeaks, ThePolicyFileIsFoundAndFlagsBeatIt) {
  EXPECT_EQ(judge().status(), 23);
  write_file(scratch_ / "leakgate.json", R"({"min_size_bytes": 1000000})");
  EXPECT_EQ(judge().status(), 0);
  EXPECT_EQ(judge({"--min-size", "0"}).status(), 23);
  EXPECT_EQ(judge({"--no-policy"}).status(), 23);
  write_file(scratch_ / "other.json", "{}");
  EXPECT_EQ(judge({"--policy", "other.json"}).status(), 23);
}

TEST_F(AcceptedLeaks, FlagsBeatWhatThePolicySaysOfSomeTests) {
  write_file(
      scratch_ / "leakgate.json",
      R"({"overrides": [{"tests": ["*"], "min_size_bytes": 1000000}, {"tests": ["x"], "min_blocks": 3}]})");
  EXPECT_EQ(judge().status(), 0);
  EXPECT_EQ(judge({"--min-size", "0"}).status(), 23);
  const std::string policy = leakgate({"judge", "--print-policy", "--min-size", "0"}).out;
  EXPECT_THAT(policy, Not(HasSubstr("1000000")));
  EXPECT_THAT(policy, HasSubstr("min_blocks"));
  write_file(scratch_ / "leakgate.json", policy);
  EXPECT_EQ(judge().status(), 23) << "it can be read again";
}

TEST_F(AcceptedLeaks, WhatIsReadIsNotWrittenOver) {
  std::filesystem::copy_file(recording(), scratch_ / "r.lgrec");
  write_file(scratch_ / "s.supp", "leak:no_such_function\n");
  write_file(scratch_ / "p.json", R"({"suppressions": ["s.supp"], "baseline": "b.json"})");
  write_file(scratch_ / "j.xml", "<testsuites/>");
  ASSERT_EQ(leakgate({"baseline", "update", "b.json", recording()}).status(), 0);
  std::filesystem::create_symlink("s.supp", scratch_ / "linked");
  const auto before = files();
  const std::vector<std::string> words = {"judge", "r.lgrec", "--policy", "p.json", "--merge-junit", "j.xml"};
  for (const auto& [option, file] :
       std::initializer_list<std::pair<const char*, const char*>>{{"--json", "r.lgrec"},
                                                                  {"--html", "./r.lgrec"},
                                                                  {"--write-suppressions", "s.supp"},
                                                                  {"--output", "linked"},
                                                                  {"--sarif", "p.json"},
                                                                  {"--json", "b.json"},
                                                                  {"--junit", "j.xml"}}) {
    const std::string text = read_file(scratch_ / file);
    auto arguments = words;
    arguments.insert(arguments.end(), {option, file});
    expect_refusal(leakgate(arguments), 125, std::string(file) + " would be written over, and is read");
    EXPECT_EQ(read_file(scratch_ / file), text);
  }
  EXPECT_EQ(files(), before);
}

TEST_F(AcceptedLeaks, ThePolicyThatHoldsIsPrinted) {
  write_file(scratch_ / "leakgate.json", R"({"min_size_bytes": 12, "min_blocks": 2})");
  const auto printed = leakgate({"judge", "--print-policy", "--min-size", "7", "--max-leaked-bytes", "9"});
  ASSERT_EQ(printed.status(), 0);
  const auto policy = Json::parse(printed.out);
  EXPECT_EQ(policy["min_size_bytes"], 7);
  EXPECT_EQ(policy["min_blocks"], 2);
  EXPECT_EQ(policy["limits"]["run"]["bytes"], 9);
  EXPECT_EQ(policy["fail_kinds"].size(), 4u);
}

TEST_F(AcceptedLeaks, AWrongPolicyIsRefusedAtItsPlace) {
  write_file(scratch_ / "leakgate.json", "{\n  \"min_sizes\": 4\n}");
  expect_refusal(judge({"--json", "out.json"}), 125, "leakgate.json:2:3: 'min_sizes' is not known");
  EXPECT_EQ(files().count("out.json"), 0u);
  expect_refusal(judge({"--policy", "missing.json"}), 125, "missing.json");
  expect_refusal(judge({"--policy", "a", "--no-policy"}), 125, "contradict");
  expect_refusal(leakgate({"judge", "--fail-kinds", "lost", recording()}), 125, "'lost' is no kind");
  // before the command has run
  expect_refusal(leakgate({"run", "--", "touch", "marker"}), 125, "leakgate.json:2:3");
  EXPECT_EQ(files().count("marker"), 0u);
}

TEST_F(AcceptedLeaks, SuppressionsAreUsedAndReported) {
  EXPECT_EQ(judge({"--write-suppressions", "s.supp"}).status(), 23);
  const auto quiet = judge({"--suppressions", "s.supp", "--json", "r.json", "--fail-unused-suppressions"});
  EXPECT_EQ(quiet.status(), 0) << quiet.out;
  EXPECT_EQ(Json::parse(read_file(scratch_ / "r.json"))["suppressions"][0]["state"], "used");
  write_file(scratch_ / "t.supp", "leak:no_such_function\n");
  EXPECT_THAT(judge({"--suppressions", "t.supp"}).out, HasSubstr("t.supp:1: leak:no_such_function: unused"));
  EXPECT_EQ(
      judge({"--suppressions", "s.supp", "--suppressions", "t.supp", "--fail-unused-suppressions"}).status(),
      23);
  write_file(scratch_ / "u.supp", "laek:x\n");
  expect_refusal(judge({"--suppressions", "u.supp"}), 125, "u.supp:1:1");
}

TEST_F(AcceptedLeaks, ABaselineLetsOldLeaksPassAndRatchets) {
  EXPECT_EQ(baseline("update", {recording()}).status(), 0);
  EXPECT_EQ(judge({"--baseline", "b.json"}).status(), 0);
  EXPECT_EQ(baseline("diff", {recording()}).status(), 0);
  EXPECT_THAT(baseline("show").out, HasSubstr("2 entries, "));
  const std::string whole = read_file(scratch_ / "b.json");

  auto entries = Json::parse(whole);
  const auto bytes = entries["entries"][0]["bytes"].get<std::uint64_t>();
  entries["entries"][0]["bytes"] = bytes - 1;
  write_file(scratch_ / "b.json", entries.dump());
  EXPECT_EQ(judge({"--baseline", "b.json"}).status(), 23);
  EXPECT_THAT(baseline("diff", {recording()}).out, HasSubstr("grown"));
  const auto refused = baseline("update", {recording()});
  EXPECT_EQ(refused.status(), 23);
  EXPECT_THAT(refused.err, HasSubstr("--accept REASON"));
  EXPECT_EQ(Json::parse(read_file(scratch_ / "b.json")), entries) << "it was not touched";
  EXPECT_EQ(baseline("update", {recording(), "--accept", "known, #12"}).status(), 0);
  EXPECT_EQ(Json::parse(read_file(scratch_ / "b.json"))["entries"][0]["reason"], "known, #12");

  entries["entries"][0]["bytes"] = bytes + 1;
  write_file(scratch_ / "b.json", entries.dump());
  EXPECT_EQ(baseline("update", {recording()}).status(), 0) << "shrinking needs no reason";
  EXPECT_EQ(Json::parse(read_file(scratch_ / "b.json"))["entries"][0]["bytes"], bytes);
}

TEST_F(AcceptedLeaks, TheFirstBaselineIsMadeWhereThePolicyNamesItAlready) {
  write_file(scratch_ / "leakgate.json", R"({"baseline": "b.json"})");
  const auto judged = judge();
  EXPECT_EQ(judged.status(), 125);
  EXPECT_THAT(judged.err, HasSubstr("b.json: No such file"));
  const auto made = baseline("update", {recording()});
  EXPECT_EQ(made.status(), 0) << made.err;
  EXPECT_EQ(judge().status(), 0);
  // one that a merge left broken is not in the way of another one, either
  write_file(scratch_ / "leakgate.json", R"({"baseline": "broken.json"})");
  write_file(scratch_ / "broken.json", "<<<<<<< HEAD\n");
  EXPECT_EQ(baseline("diff", {recording()}).status(), 0);
}

TEST_F(AcceptedLeaks, NoBaselineFromAnIncompleteRunOrOverAFileThatIsNone) {
  const auto incomplete = baseline("update", {recording("incomplete")});
  EXPECT_EQ(incomplete.status(), 125);
  EXPECT_EQ(files().count("b.json"), 0u);
  write_file(scratch_ / "b.json", "<<<<<<< HEAD\n");
  expect_refusal(baseline("update", {recording()}), 125, "b.json:1:1: a conflict of a merge was left here");
  EXPECT_EQ(read_file(scratch_ / "b.json"), "<<<<<<< HEAD\n");
  expect_refusal(leakgate({"baseline", "show", "missing.json"}), 125, "missing.json");
  expect_refusal(judge({"--baseline", "missing.json"}), 125, "missing.json");
  expect_refusal(leakgate({"baseline", "diff", "b.json"}), 125, "no recording was given");
}

TEST_F(AcceptedLeaks, ARunThatCrashedTakesNothingBack) {
  const auto entry = [](const std::string& test) {
    return R"({"test": ")" + test + R"(", "fingerprint": "lg1:00", "bytes": 8, "blocks": 1},)";
  };
  write_file(scratch_ / "b.json", R"({"schema": "leakgate-baseline/1", "entries": [)" + entry("Tree.Grows") +
                                      entry("Tree.Breaks") + "{}]}");
  ASSERT_EQ(baseline("update", {recording("crash"), "--accept", "known"}).status(), 0);
  const std::string after = read_file(scratch_ / "b.json");
  for (const char* test : {"Tree.Grows", "Tree.Breaks"})
    EXPECT_THAT(after, HasSubstr("\"" + std::string(test) + "\", \"fingerprint\": \"lg1:00\""));
}

TEST_F(AcceptedLeaks, RecordingsThatDoNotBelongTogetherAreRefused) {
  expect_refusal(judge({recording()}), 125, "are the same recording");
  expect_refusal(judge({"--expect-parts", "2"}), 125, "1 recording given, 2 expected");
  EXPECT_EQ(leakgate({"judge", "--merge", "any", recording("clean"), recording("stripped")}).status(), 23);
}

TEST_F(AcceptedLeaks, EveryFormatIsWrittenAndOthersXmlIsMerged) {
  write_file(scratch_ / "gtest.xml",
             "<testsuites><testsuite name='s'><testcase name='n' classname='c'/></testsuite></testsuites>");
  EXPECT_EQ(judge({"--html", "r.html", "--gdb", "r.gdb", "--report", "markdown=r.md", "--report",
                   "openmetrics=-", "--junit", "r.xml", "--merge-junit", "gtest.xml", "-o", "console"})
                .status(),
            23);
  for (const char* name : {"r.html", "r.gdb", "r.md"})
    EXPECT_GT(read_file(scratch_ / name).size(), 100u) << name;
  EXPECT_THAT(read_file(scratch_ / "r.xml"), HasSubstr("classname=\"c\""));
  expect_refusal(judge({"--report", "pdf=x"}), 125, "--report wants FORMAT=FILE, not 'pdf=x'");
  expect_refusal(judge({"--report", "html=x", "--html", "./x"}), 125, "two reports are to be written to");
  write_file(scratch_ / "gtest.xml", "<html/>");
  expect_refusal(judge({"--junit", "new.xml", "--merge-junit", "gtest.xml"}), 125, "no JUnit XML");
  EXPECT_EQ(files().count("new.xml"), 0u);
}

TEST_F(AcceptedLeaks, BranchesThatAddEntriesMergeInGit) {
  ASSERT_EQ(baseline("update", {recording()}).status(), 0);
  const std::string text = read_file(scratch_ / "b.json");
  const auto first = text.find("    {\"test\""), last = text.find("    {}");
  const auto entry = [](const std::string& test, char digit) {
    return "    {\"test\": \"" + test + "\", \"fingerprint\": \"lg1:" + std::string(32, digit) +
           "\", \"bytes\": 8, \"blocks\": 1, \"site\": \"f (f.cpp)\", \"reason\": \"r\"},\n";
  };
  write_file(scratch_ / "one", text.substr(0, last) + entry("Zeta.B", 'b') + text.substr(last));
  write_file(scratch_ / "two", text.substr(0, first) + entry("Alpha.A", 'a') + text.substr(first));
  write_file(scratch_ / "three", text.substr(0, last) + entry("Zeta.C", 'c') + text.substr(last));
  // what git does with a file: without an attribute, and with the one that the documentation names
  const auto merge = [&](const char* ours, const char* theirs, std::vector<std::string> options) {
    options.insert(options.begin(), {"git", "merge-file", "-p"});
    for (const char* file : {ours, "b.json", theirs})
      options.emplace_back(scratch_ / file);
    return run_program(scratch_, {.argv = options, .directory = scratch_.path()});
  };
  const ProgramResult apart = merge("one", "two", {});
  EXPECT_EQ(apart.status(), 0) << "entries at different places meet in no line";
  const ProgramResult together = merge("one", "three", {});
  EXPECT_EQ(together.status(), 1);
  write_file(scratch_ / "merged", together.out);
  expect_refusal(leakgate({"baseline", "show", "merged"}), 125, "a conflict of a merge was left here");
  write_file(scratch_ / "merged", merge("one", "three", {"--union"}).out);
  const ProgramResult shown = leakgate({"baseline", "show", "merged"});
  EXPECT_EQ(shown.status(), 0) << shown.err;
  EXPECT_THAT(shown.out, testing::AllOf(HasSubstr("Zeta.B"), HasSubstr("Zeta.C")));
}

}  // namespace
}  // namespace leakgate::live
