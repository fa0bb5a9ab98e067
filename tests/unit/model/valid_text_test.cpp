// SPDX-License-Identifier: Apache-2.0
// What is judged at once and what is judged from a file is the same, whatever bytes names have.
#include "harness/model/valid_text.h"

#include <gtest/gtest.h>

#include "harness/model/recording_file.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::model {
namespace {

struct BadNames : test::RecordingBuilder {
  BadNames() {
    const auto process = this->process(ProcessRole::judged, {0, {}}, "/b/\xff");
    recording.processes[process].args = {"a\xfe"};
    recording.run.command = {"\xff"};
    recording.run.source_root = "/src\xff";
    recording.tracer.notes = {"note \xff"};
    recording.run.incomplete_reasons = {{"cause", 1, "message \xff", "hint \xff"}};
    for (const char* name : {"Suite.T\xff", "Suite.T\xfe"}) {
      auto& group = leak(test(process, name, Framework::gtest, "f\xff.cpp"),
                         stack({{"f\xff", "g\xff.cpp", 1, "/m\xff"}}), 8);
      group.type = group.section = "\xff";
      group.retained_by = {"\xff"};
    }
  }
};

TEST(ValidText, ARecordingIsWhatItsFileSays) {
  BadNames names;
  make_text_valid(names.recording);
  const auto read = parse_recording(format_recording(names.recording));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, names.recording);
}

TEST(ValidText, TestsThatDifferInSuchBytesStayTwo) {
  BadNames names;
  make_text_valid(names.recording);
  EXPECT_EQ(names.recording.tests[0].id, "Suite.T\\xff") << "as reports show it";
  EXPECT_EQ(names.recording.tests[1].id, "Suite.T\\xfe");
}

}  // namespace
}  // namespace leakgate::model
