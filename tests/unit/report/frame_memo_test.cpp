// SPDX-License-Identifier: Apache-2.0
// Texts of frames are made twice at most, and never mixed up.
#include "harness/report/frame_memo.h"

#include <gtest/gtest.h>

#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

/// A stack of frames with these names, in a table of its own.
model::LeakStack stack_of(const std::vector<std::string>& functions) {
  model::StackTable table;
  model::Stack row;
  for (const auto& function : functions) {
    model::Frame frame;
    frame.function = function;
    row.frames.push_back(static_cast<std::uint32_t>(table.frames.size()));
    table.frames.push_back(frame);
  }
  row.frames.push_back(77);  // leads nowhere
  table.stacks.push_back(row);
  return {std::make_shared<const model::StackTable>(table), 0};
}

TEST(FrameMemo, MakesTheTextOfAFrameTwiceAtMost) {
  const auto stack = stack_of({"one", "two"});
  FrameMemo memo;
  int made = 0;
  const auto make = [&](const model::VerdictFrame& frame, std::string& out) {
    ++made;
    (out += '<') += frame.function;
  };
  std::string text;
  for (int round = 0; round < 5; ++round)
    for (const std::size_t index : {0u, 1u})
      memo.append(text, stack, index, make);
  EXPECT_EQ(text, "<one<two<one<two<one<two<one<two<one<two");
  EXPECT_EQ(made, 4);
}

TEST(FrameMemo, FramesOfAnotherTableAreOthers) {
  const auto stack = stack_of({"one"}), other = stack_of({"uno"});
  FrameMemo memo;
  std::string text;
  for (int round = 0; round < 4; ++round)
    for (const auto* one : {&stack, &other})
      for (const std::size_t index : {0u, 1u})
        memo.append(text, *one, index,
                    [](const auto& frame, std::string& out) { (out += frame.function) += ';'; });
  EXPECT_EQ(text, "one;;uno;;one;;uno;;one;;uno;;one;;uno;;");
}

TEST(FrameMemo, ObjectsAreWrittenTheSameEachTime) {
  const auto stack = stack_of({"one"});
  FrameMemo memo;
  JsonWriter out(1);
  out.begin_array();
  for (int round = 0; round < 4; ++round)
    memo.write(out, stack, 0, [](const auto& frame, JsonWriter& to) {
      to.begin_object();
      to.member("name", frame.function);
      to.begin_array("list");
      to.number(1);
      to.end_array();
      to.end_object();
    });
  out.end_array();
  const std::string one = "\n  {\"name\": \"one\", \"list\": [1]}";
  EXPECT_EQ(out.take(), "[" + one + "," + one + "," + one + "," + one + "\n]");
}

}  // namespace
}  // namespace leakgate::report
