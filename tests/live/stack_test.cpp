// SPDX-License-Identifier: Apache-2.0
// The line that asked a library for memory is in the stack, at every usual set of compiler options, and every
// stack reaches the start of its thread.
#include <gmock/gmock.h>

#include <map>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

[[maybe_unused]] const bool kTraces = trace_unclassified();

using Json = nlohmann::json;

/// The numbers of the lines of callers.cpp in a stack, innermost first.
std::vector<std::uint64_t> own_lines(const Json& leak) {
  std::vector<std::uint64_t> lines;
  for (const Json& frame : leak["stack"])
    if (frame["file"] == program_source("callers.cpp")) lines.push_back(frame["line"].get<std::uint64_t>());
  return lines;
}

std::uint64_t caller(std::string_view name) {
  return line_of("callers.cpp", "// caller: " + std::string(name));
}

class Stack : public Live, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const Traced traced = trace_program(scratch_, std::string("live_callers_") + GetParam());
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
    if (!traced.result.is_object()) return;
    for (const Json& leak : traced.result["leaks"])
      if (leak["verdict"] == "fail") by_bytes_[leak["bytes"].get<std::uint64_t>()] = leak;
  }
  std::map<std::uint64_t, Json> by_bytes_;
};

TEST_P(Stack, TheCallerIsTheSite) {
  const std::map<std::uint64_t, std::string_view> callers = {
      {1001, "new"},    {1002, "array"},    {1003, "strdup"}, {1004, "string"}, {1005, "vector"},
      {1006, "printf"}, {1007, "callback"}, {1008, "thread"}, {1009, "deep"}};
  EXPECT_EQ(by_bytes_.size(), callers.size());
  for (const auto& [bytes, name] : callers) {
    const Json& leak = by_bytes_[bytes];
    ASSERT_TRUE(leak.is_object()) << "no leak of " << bytes << " bytes, from " << name;
    EXPECT_EQ(leak["blocks"], 1) << name;
    const auto lines = own_lines(leak);
    ASSERT_FALSE(lines.empty()) << name << " has no frame of the program: " << leak.dump(1);
    EXPECT_EQ(lines.front(), caller(name)) << name << ": " << leak.dump(1);
  }
}

TEST_P(Stack, CallbacksAreSeenThroughTheLibrary) {
  const auto lines = own_lines(by_bytes_[1007]);
  ASSERT_GE(lines.size(), 3u);
  EXPECT_EQ(lines[1], caller("qsort"));
}

TEST_P(Stack, NoFrameOfADeepStackIsMissing) {
  std::vector<std::uint64_t> expected = {caller("deep")};
  expected.insert(expected.end(), 30, caller("descent"));
  expected.push_back(caller("main"));
  EXPECT_EQ(own_lines(by_bytes_[1009]), expected);
}

INSTANTIATE_TEST_SUITE_P(Callers, Stack, testing::Values("O0", "O2fp", "O2"),
                         [](const auto& variant) { return std::string(variant.param); });

/// Which way a block of same_places.cpp came: the functions of its stack, read outermost first.
std::uint64_t path_of(const Json& leak) {
  std::uint64_t path = 0, bit = 0;
  for (const Json& frame : leak["stack"]) {
    const auto function = frame["function"].is_string() ? frame["function"].get<std::string>() : "";
    const bool right = function.find("go_right") != std::string::npos;
    if (!right && function.find("go_left") == std::string::npos) continue;
    path |= std::uint64_t{right} << bit++;
  }
  return path;
}

class SamePlaces : public Live, public testing::WithParamInterface<const char*> {};

TEST_P(SamePlaces, StacksAreToldApartByAnyFrame) {
  const Traced traced = trace_program(scratch_, std::string("live_same_places_") + GetParam());
  expect_whole(traced);
  ASSERT_TRUE(traced.result.is_object());
  constexpr std::uint64_t kPaths = 64, kGroups = 3;
  std::map<std::uint64_t, std::uint64_t> groups;
  for (const Json& leak : traced.result["leaks"]) {
    if (leak["verdict"] != "fail") continue;
    const std::uint64_t path = path_of(leak), blocks = path % 7 + 1;
    ++groups[path];
    EXPECT_EQ(leak["blocks"], blocks) << path << leak.dump(1);
    EXPECT_EQ(leak["bytes"], blocks * (100 + path)) << path << leak.dump(1);
  }
  EXPECT_EQ(groups.size(), kPaths);
  for (const auto& [path, count] : groups)
    EXPECT_EQ(count, kGroups) << path;
}
INSTANTIATE_TEST_SUITE_P(Options, SamePlaces, testing::Values("O0", "O2"),
                         [](const auto& variant) { return std::string(variant.param); });

class StackOf : public Live {
 protected:
  /// Failing leaks of a program of one block each, by bytes.
  std::map<std::uint64_t, Json> leaks_of(const std::string& program,
                                         const std::vector<std::string>& arguments,
                                         const std::vector<std::string>& options) {
    traced_ = trace_program(scratch_, program, arguments, options);
    std::map<std::uint64_t, Json> leaks;
    EXPECT_TRUE(traced_.result.is_object()) << traced_.program.err;
    if (!traced_.result.is_object()) return leaks;
    for (const Json& leak : traced_.result["leaks"])
      if (leak["verdict"] == "fail") leaks[leak["bytes"].get<std::uint64_t>()] = leak;
    return leaks;
  }
  Traced traced_;
};

std::vector<std::string> functions(const Json& leak) {
  std::vector<std::string> names;
  if (!leak.is_object()) return names;
  for (const Json& frame : leak["stack"])
    names.push_back(frame["function"].is_string() ? frame["function"].get<std::string>() : "?");
  return names;
}

TEST_F(StackOf, AddressRangeUsedTwiceResolvesByTheTimeOfTheAllocation) {
  auto leaks =
      leaks_of("live_same_range",
               {program_path("liblive_same_range_1.so"), program_path("liblive_same_range_2.so")}, {});
  EXPECT_EQ(traced_.result["run"]["exit"]["code"], 0) << "the two plug-ins were not mapped to one place";
  EXPECT_THAT(functions(leaks[330]), testing::Contains("leak_of_first_plugin"));
  EXPECT_THAT(functions(leaks[330]), testing::Not(testing::Contains("leak_of_other_plugin")));
  EXPECT_THAT(functions(leaks[331]), testing::Contains("leak_of_other_plugin"));
}

TEST_F(StackOf, CodeInNoFileIsLeftByItsFramePointer) {
  auto leaks =
      leaks_of("live_same_range",
               {program_path("liblive_same_range_1.so"), program_path("liblive_same_range_2.so")}, {});
  const auto names = functions(leaks[332]);
  EXPECT_THAT(names, testing::IsSupersetOf({"leak_below_made_code", "?", "call_through_made_code", "main"}));
  EXPECT_EQ(names.back(), "_start");
  EXPECT_FALSE(leaks[332].contains("stack_ends"));
  EXPECT_FALSE(traced_.result["tracer"].contains("truncated_stacks"));
}

/// What GCC makes of it has a parameter whose type stands inside the function itself.
TEST_F(StackOf, ACoroutineIsNamed) {
  const Traced traced = trace_program(scratch_, "live_coroutine");
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  std::vector<std::string> names;
  for (const Json& leak : traced.result["leaks"])
    for (const Json& frame : leak["stack"])
      if (frame["file"] == program_source("coroutine.cpp")) names.push_back(frame["function"]);
  EXPECT_THAT(names, testing::Contains(testing::StartsWith("lose(")));
  EXPECT_THAT(names, testing::Each(testing::AnyOf(testing::StartsWith("lose("), testing::StartsWith("keep("),
                                                  testing::StartsWith("main"))));
}

/// The walk asks the kernel for what it cannot be sure of; the program does not die of it.
TEST_F(StackOf, APageOfTheStackMayBeUnreadable) {
  const Traced traced = trace_program(scratch_, "live_unreadable_stack");
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  EXPECT_TRUE(traced.result["run"]["complete"].get<bool>()) << traced.result["run"]["incomplete_reasons"];
  std::map<std::string, std::uint64_t> blocks;  // by the outermost frame
  for (const Json& leak : traced.result["leaks"])
    if (leak["bytes"] == 100 * leak["blocks"].get<std::uint64_t>())
      blocks[leak["stack"].back()["function"]] += leak["blocks"].get<std::uint64_t>();
  EXPECT_EQ(blocks["_start"], 6);
  EXPECT_EQ(blocks["lose_with"], 3) << "further out than the page nothing can be read";
}

TEST_F(StackOf, UnwindNoneHasNoFrames) {
  auto leaks = leaks_of("live_callers_O2", {}, {"--unwind", "none"});
  ASSERT_FALSE(leaks.empty());
  for (const auto& [bytes, leak] : leaks)
    EXPECT_TRUE(leak["stack"].empty()) << leak.dump(1);
}

TEST_F(StackOf, FramePointersSkipTheCallerOfTheLibrary) {
  auto leaks = leaks_of("live_callers_O2fp", {}, {"--unwind", "frame-pointer"});
  // what the mode is good for: code with frame pointers that calls malloc itself
  auto expected = std::vector<std::uint64_t>{caller("deep")};
  expected.insert(expected.end(), 30, caller("descent"));
  expected.push_back(caller("main"));
  EXPECT_EQ(own_lines(leaks[1009]), expected);
}

TEST_F(StackOf, AutoIsEhFrame) {
  auto by_name = leaks_of("live_callers_O2", {}, {"--unwind", "eh_frame"});
  auto automatic = leaks_of("live_callers_O2", {}, {"--unwind", "auto"});
  ASSERT_FALSE(by_name.empty());
  for (const auto& [bytes, leak] : by_name)
    EXPECT_EQ(leak["stack"], automatic[bytes]["stack"]) << bytes;
}

TEST_F(StackOf, RecursionBeyondTheLimitIsCountedAndSaid) {
  const std::string program = std::string(LEAKGATE_LIVE_PROGRAMS) + "/corpus/corpus_c_gcc_O2";
  if (!std::filesystem::exists(program)) GTEST_SKIP() << "the corpus was not built";
  traced_ = trace(scratch_, {{program}, {}, {}});
  ASSERT_TRUE(traced_.result.is_object());
  EXPECT_EQ(traced_.result["tracer"]["truncated_stacks"]["depth"], 1);
  EXPECT_THAT(traced_.program.err, testing::HasSubstr("1 more frames than are recorded"));
  std::size_t cut = 0;
  for (const Json& leak : traced_.result["leaks"])
    if (leak.contains("stack_ends")) {
      ++cut;
      EXPECT_EQ(leak["stack"].size(), 128u);
      EXPECT_EQ(leak["stack_ends"], "more frames than are recorded");
    }
  EXPECT_EQ(cut, 1u);
}

}  // namespace
}  // namespace leakgate::live
