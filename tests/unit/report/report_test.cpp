// SPDX-License-Identifier: Apache-2.0
// Writing reports, and that each is the same every time, straight from the run or from its recording.
#include "harness/report/report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "harness/base/atomic_file.h"
#include "harness/model/recording_file.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

constexpr Format kAll[] = {Format::console, Format::json, Format::junit, Format::sarif};

TEST(Reports, AreByteForByteTheSameFromTheRecording) {
  for (const auto& recording :
       {test::TwoTests().recording,
        model::parse_recording(model::format_recording(test::hostile(1 << 12).recording)).value()}) {
    const auto again = model::parse_recording(model::format_recording(recording));
    ASSERT_TRUE(again);
    for (const auto format : kAll)
      EXPECT_EQ(render(judge::judge(recording, {}), format), render(judge::judge(*again, {}), format));
  }
}

TEST(Reports, OneThatCannotBeWrittenDoesNotStopTheOthers) {
  std::string folder = (std::filesystem::temp_directory_path() / "leakgate-reports-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto verdict = test::TwoTests().verdict();
  const auto status = write_reports(verdict, {{Format::sarif, folder + "/missing/x"},
                                              {Format::json, folder + "/a.json"},
                                              {Format::junit, folder + "/a.xml"}});
  EXPECT_FALSE(status);
  EXPECT_EQ(read_whole(folder + "/a.json", 1 << 20).value(), render_json(verdict));
  EXPECT_EQ(read_whole(folder + "/a.xml", 1 << 20).value(), render_junit(verdict));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace leakgate::report
