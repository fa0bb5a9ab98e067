// SPDX-License-Identifier: Apache-2.0
// The line that asked a library for memory is in the stack, at every usual set of compiler options, and every
// stack reaches the start of its thread.
#include <gmock/gmock.h>

#include <map>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

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

}  // namespace
}  // namespace leakgate::live
