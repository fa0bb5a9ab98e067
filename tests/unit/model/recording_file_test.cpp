// SPDX-License-Identifier: Apache-2.0
// Recording files: written and read back the same, and anything else refused with a sentence.
#include "harness/model/recording_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/judge/recording_builder.h"

namespace leakgate::model {
namespace {

using Json = nlohmann::json;
using test::RecordingBuilder;
using ::testing::HasSubstr;

/// A recording in which no member has its default value.
Recording full() {
  RecordingBuilder builder;
  const auto process = builder.process();
  builder.process(ProcessRole::death_test, {{}, 6});
  const auto leaky = builder.test(process, "Suite.Name");
  builder.outside(process);
  const auto stack = builder.stack(
      test::with_gtest_below({{"make \"x\"\n", "/a/b.cpp", 7, "/lib/x.so", true}, {"", "", 0, ""}}));
  auto& r = builder.recording;
  r.stacks[stack].truncated = true;
  r.stacks[stack].truncated_reason = "no unwind table";
  r.frames[0].full_function = "full";
  r.frames[0].column = 3;
  r.tests[leaky].complete = false;
  r.tests[leaky].outcome = Outcome::crashed;
  auto& group = builder.leak(leaky, stack, 48, 2);
  group.kind = Kind::still_reachable;
  group.age_log2_ms = {0, 1, 0, 1};
  group.type = "Node";
  group.cycle = true;
  group.section = "outer / inner";
  group.retained_by = {"g_cache", "std::map node"};
  builder.leak(leaky, stack, ~0ull, 1).stack = kNone;
  r.run.incomplete_reasons.push_back({"cause", 3, "message", "hint"});
  r.run.shard = {2, 4, "--shard-count"};
  r.run.tests_chosen_by = "GTEST_FILTER";
  r.tracer.notes = {"note"};
  r.tracer.lost["map_full"] = 7;
  r.tracer.truncated_stacks["depth"] = 3;
  r.run.source_root = "/home/dev/source";
  r.run.rerun_scope = RerunScope::suspects;
  r.run.reruns = 3;
  r.processes[1].rerun = 2;
  r.stacks[stack].freed_by = stack;
  r.blocks[0].thrown_after = true;
  r.blocks[1].failed_after = true;
  r.processes[0].stripped = true;
  r.processes[0].allocations = 5;
  r.processes[0].frees = 4;
  return r;
}

std::string error_of(std::string_view text) {
  const auto result = parse_recording(text);
  if (result) return "it was accepted";
  EXPECT_EQ(result.error().kind, ErrorKind::format);
  EXPECT_FALSE(result.error().hint.empty());
  return result.error().message;
}

Json body_of(const Recording& recording) {
  const std::string text = format_recording(recording);
  const auto begin = text.find('\n') + 1;
  return Json::parse(text.substr(begin, text.rfind("\nend ") - begin));
}

std::string error_with(const std::function<void(Json&)>& change) {
  Json body = body_of(full());
  change(body);
  return error_of(seal_recording(body.dump()));
}

TEST(RecordingFile, ReadsBackWhatItWrote) {
  const std::string text = format_recording(full());
  const auto again = parse_recording(text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(format_recording(*again), text);
  EXPECT_EQ(*again, full());
  EXPECT_EQ(again->blocks.at(0).retained_by.at(1), "std::map node");
  EXPECT_EQ(again->blocks.at(1).stack, kNone);
  EXPECT_EQ(again->blocks.at(1).bytes, ~0ull);
  EXPECT_EQ(again->frames.at(0).function, "make \"x\"\n");
  EXPECT_EQ(again->frames.at(0).full_function, "full");
  EXPECT_TRUE(again->frames.at(0).inlined);
  EXPECT_EQ(again->frames.at(1).module, kNone);
  EXPECT_EQ(again->processes.at(1).role, ProcessRole::death_test);
  EXPECT_EQ(again->processes.at(1).exit.signal, 6);
  EXPECT_TRUE(again->processes.at(0).stripped);
  EXPECT_TRUE(again->tests.at(1).outside);
  EXPECT_FALSE(again->tests.at(0).complete);
  EXPECT_EQ(again->stacks.at(0).truncated_reason, "no unwind table");
  EXPECT_EQ(again->tracer.lost.at("map_full"), 7u);
  EXPECT_EQ(again->tracer.truncated_stacks.at("depth"), 3u);
  EXPECT_EQ(again->run.incomplete_reasons.at(0).hint, "hint");
  EXPECT_EQ(again->run.reruns, 3u);
  EXPECT_EQ(again->processes.at(1).rerun, 2u);
  EXPECT_EQ(again->stacks.at(0).freed_by, 0u);
  EXPECT_TRUE(again->blocks.at(0).thrown_after);
  EXPECT_EQ(again->blocks.at(0).age_log2_ms, (std::vector<std::uint64_t>{0, 1, 0, 1}));
  EXPECT_TRUE(again->blocks.at(1).age_log2_ms.empty());
}

TEST(RecordingFile, AgesAddUpToTheBlocks) {
  const auto error_with_ages = [](const char* ages) {
    return error_with([&](Json& body) { body["blocks"][0]["age_log2_ms"] = Json::parse(ages); });
  };
  EXPECT_THAT(error_with_ages("[2]"), HasSubstr("accepted"));
  EXPECT_THAT(error_with_ages("[]"), HasSubstr("accepted")) << "not known";
  EXPECT_THAT(error_with_ages("[1]"), HasSubstr("blocks[0].age_log2_ms counts fewer blocks"));
  EXPECT_THAT(error_with_ages("[1, 2]"), HasSubstr("blocks[0].age_log2_ms counts more blocks"));
  EXPECT_THAT(error_with_ages("[18446744073709551615, 3]"), HasSubstr("counts more blocks"));
  EXPECT_THAT(error_with_ages("[1, \"1\"]"), HasSubstr("is not an integer"));
  EXPECT_THAT(error_with_ages("[-1, 3]"), HasSubstr("is out of range"));
  EXPECT_THAT(error_with_ages("3"), HasSubstr("is not a list"));
  EXPECT_THAT(error_with([](Json& body) { body["blocks"][0]["age_log2_ms"] = std::vector<int>(65); }),
              HasSubstr("has too many buckets"));
}

TEST(RecordingFile, AnEmptyRecordingIsOne) {
  const auto result = parse_recording(format_recording({}));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->tests.empty());
}

TEST(RecordingFile, TextThatIsNotUtf8IsRepairedOnWriting) {
  Recording recording = full();
  recording.tests[0].id = "bad\xFFname";
  recording.tracer.lost["bad\xFE"] = 1;
  const auto again = parse_recording(format_recording(recording));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->tests[0].id, "bad\xEF\xBF\xBDname");
}

TEST(RecordingFile, EveryTruncationIsSeen) {
  const std::string text = format_recording(full());
  for (std::size_t length = 0; length < text.size(); ++length)
    ASSERT_FALSE(parse_recording(std::string_view(text).substr(0, length))) << length;
}

TEST(RecordingFile, EveryChangedByteIsSeen) {
  const std::string text = format_recording(full());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 0x04);
    ASSERT_FALSE(parse_recording(changed)) << i;
  }
  EXPECT_FALSE(parse_recording(text + "x"));
  EXPECT_FALSE(parse_recording(text + text));
}

TEST(RecordingFile, SaysWhatItIsNot) {
  EXPECT_EQ(error_of("\x7f"
                     "ELF"),
            "not a leakgate recording");
  EXPECT_THAT(error_of(""), HasSubstr("truncated"));
  EXPECT_THAT(error_of("leakgate-rec"), HasSubstr("truncated"));
  EXPECT_EQ(error_of("leakgate-recording/2\n{}\n"),
            "the recording has format version 2, this leakgate reads version 1");
  EXPECT_THAT(error_of("leakgate-recording/x\x1b\n"), HasSubstr("unknown format version 'x\\x1b'"));
  EXPECT_THAT(error_of("leakgate-recording/99999999999999999999\n"), HasSubstr("unknown format version"));
  EXPECT_THAT(error_of(seal_recording("{]")), HasSubstr("not JSON"));
  EXPECT_THAT(error_of(seal_recording("{\"run\": NaN}")), HasSubstr("not JSON"));
  EXPECT_THAT(error_of(seal_recording("{\"run\": 1e999}")), HasSubstr("not JSON"));
  EXPECT_THAT(error_of(seal_recording("{\"a\": \"\xFF\"}")), HasSubstr("not JSON"));
  EXPECT_THAT(error_of(seal_recording(std::string(1000000, '['))), HasSubstr("nested too deeply"));
  EXPECT_THAT(error_of(seal_recording("[]")), HasSubstr("recording"));
  EXPECT_THAT(error_of(seal_recording("{}")), HasSubstr("missing"));
}

TEST(RecordingFile, WrongTypesAndRangesAreNamed) {
  EXPECT_THAT(error_with([](Json& b) { b["run"] = 1; }), HasSubstr("recording.run"));
  EXPECT_THAT(error_with([](Json& b) { b["tests"] = Json::object(); }), HasSubstr("tests is not a list"));
  EXPECT_THAT(error_with([](Json& b) { b["tests"][0] = 7; }), HasSubstr("tests[0]"));
  EXPECT_THAT(error_with([](Json& b) { b["tests"][0]["line"] = "x"; }),
              HasSubstr("tests[0].line is not an integer"));
  EXPECT_THAT(error_with([](Json& b) { b["tests"][0]["line"] = 1.5; }),
              HasSubstr("tests[0].line is not an integer"));
  EXPECT_THAT(error_with([](Json& b) { b["tests"][0]["line"] = 1ull << 40; }),
              HasSubstr("tests[0].line is out of range"));
  EXPECT_THAT(error_with([](Json& b) { b["tests"][0]["line"] = -1; }), HasSubstr("out of range"));
  EXPECT_THAT(error_with([](Json& b) { b["blocks"][0]["bytes"] = -1; }), HasSubstr("out of range"));
  EXPECT_THAT(error_with([](Json& b) { b["blocks"][0]["kind"] = "lost"; }),
              HasSubstr("blocks[0].kind is 'lost', which is unknown"));
  EXPECT_THAT(error_with([](Json& b) { b["blocks"][0]["cycle"] = 1; }), HasSubstr("true or false"));
  EXPECT_THAT(error_with([](Json& b) { b["processes"][0]["pid"] = 1ull << 31; }), HasSubstr("out of range"));
  EXPECT_THAT(error_with([](Json& b) { b["processes"][0]["exit"] = {{"signal", 0}}; }), HasSubstr("signal"));
  EXPECT_THAT(error_with([](Json& b) {
                b["processes"][0]["exit"] = {{"signal", 6}, {"code", 1}};
              }),
              HasSubstr("both"));
  EXPECT_THAT(error_with([](Json& b) { b["processes"][0]["args"] = {1}; }), HasSubstr("args"));
  EXPECT_THAT(error_with([](Json& b) { b["tracer"]["lost"]["x"] = "many"; }), HasSubstr("lost"));
  EXPECT_THAT(error_with([](Json& b) { b["strings"][1] = 7; }), HasSubstr("is not a string"));
  EXPECT_THAT(error_with([](Json& b) { b["strings"][1] = {"nested"}; }), HasSubstr("is not a string"));
  EXPECT_THAT(error_with([](Json& b) { b["strings"] = "text"; }), HasSubstr("strings is not a list"));
  EXPECT_THAT(error_with([](Json& b) { b.erase("strings"); }), HasSubstr("strings is missing"));
  EXPECT_THAT(error_with([](Json& b) { b["run"]["rerun_scope"] = "some"; }), HasSubstr("rerun_scope"));
  EXPECT_THAT(error_with([](Json& b) { b["tracer"]["truncated_stacks"] = 1; }),
              HasSubstr("truncated_stacks"));
}

TEST(RecordingFile, IndexesThatLeadNowhereAreRefused) {
  EXPECT_THAT(error_with([](Json& b) { b["tests"][0]["process"] = 9; }),
              HasSubstr("tests[0].process refers to row 9 of 2"));
  EXPECT_THAT(error_with([](Json& b) { b["tests"][0].erase("process"); }), HasSubstr("process is missing"));
  EXPECT_THAT(error_with([](Json& b) { b["tests"][0]["process"] = kNone; }), HasSubstr("process is missing"));
  EXPECT_THAT(error_with([](Json& b) { b["blocks"][0]["test"] = 2; }), HasSubstr("blocks[0].test"));
  EXPECT_THAT(error_with([](Json& b) { b["blocks"][0]["stack"] = 1; }), HasSubstr("blocks[0].stack"));
  EXPECT_THAT(error_with([](Json& b) { b["blocks"][0]["process"] = 1; }), HasSubstr("another process"));
  EXPECT_THAT(error_with([](Json& b) { b["stacks"][0]["frames"][0] = 1000; }), HasSubstr("stacks[0].frames"));
  EXPECT_THAT(error_with([](Json& b) { b["stacks"][0]["freed_by"] = 1; }), HasSubstr("freed_by"));
  EXPECT_THAT(error_with([](Json& b) { b["frames"][0][0] = 1000; }), HasSubstr("frames[0]"));
  EXPECT_THAT(error_with([](Json& b) { b["frames"][0][6] = 1000; }), HasSubstr("frames[0].module"));
  EXPECT_THAT(error_with([](Json& b) { b["frames"][0][6] = -2; }), HasSubstr("frames[0]"));
  EXPECT_THAT(error_with([](Json& b) { b["frames"][0].erase(7); }), HasSubstr("frames[0]"));
}

TEST(RecordingFile, AmplificationIsRefused) {
  const auto message = error_with([](Json& b) {
    b["strings"][0] = std::string(1 << 20, 'x');
    b["stacks"][0]["frames"] = std::vector<int>(kMaxStackFrames, 0);
  });
  EXPECT_THAT(message, HasSubstr("too large"));
  EXPECT_THAT(
      error_with([](Json& b) { b["stacks"][0]["frames"] = std::vector<int>(kMaxStackFrames + 1, 0); }),
      HasSubstr("too many frames"));
}

TEST(RecordingFile, MembersOfLaterMinorFormsAreSkipped) {
  Json body = body_of(full());
  body["tests"][0]["new_member"] = {1, 2, 3};
  body["new_table"] = Json::array();
  EXPECT_TRUE(parse_recording(seal_recording(body.dump())));
}

TEST(RecordingFile, AMissingFileIsNamed) {
  const auto result = read_recording("/nonexistent/x.lgrec");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::not_found);
  EXPECT_THAT(result.error().message, HasSubstr("/nonexistent/x.lgrec"));
}

TEST(RecordingFile, APartThatIsNoneIsRefused) {
  EXPECT_THAT(error_with([](Json& b) { b["run"]["shard"]["index"] = 4; }),
              HasSubstr("run.shard is part 4 of 4"));
  EXPECT_THAT(error_with([](Json& b) { b["run"]["shard"]["total"] = 0; }), HasSubstr("run.shard"));
  EXPECT_THAT(error_with([](Json& b) { b["run"]["shard"] = 7; }), HasSubstr("is not an object"));
}

TEST(RecordingFile, FramesAreReadWhereverTheyStand) {
  EXPECT_THAT(error_with([](Json& b) { b["frames"][0] = Json::array({1}); }),
              HasSubstr("frames[0].row is not a list of 8"));
  EXPECT_THAT(error_with([](Json& b) { b["frames"][0] = 5; }), HasSubstr("is not a list of 8"));
  EXPECT_THAT(error_with([](Json& b) {
                b["frames"][0][3] = Json::array({1, 2});
              }),
              HasSubstr("is not a list of 8"));
  EXPECT_THAT(error_with([](Json& b) { b["frames"][0][3] = -1; }), HasSubstr("is not a list of 8"));
  EXPECT_THAT(error_with([](Json& b) { b["frames"][0].push_back(1); }), HasSubstr("is not a list of 8"));
  EXPECT_THAT(error_with([](Json& b) { b["frames"][0][6] = ~0ull; }), HasSubstr("is not a list of 8"));
  EXPECT_THAT(error_with([](Json& b) { b["frames"] = 1; }), HasSubstr("frames is not a list"));
  // nlohmann sorts members: frames come before strings and modules
  const auto again = parse_recording(seal_recording(body_of(full()).dump()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, full());
}

}  // namespace
}  // namespace leakgate::model
