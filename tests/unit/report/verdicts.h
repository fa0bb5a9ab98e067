// SPDX-License-Identifier: Apache-2.0
// Verdicts for the tests of reports: made by judging built recordings, as in life.
#pragma once

#include "harness/judge/judge.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::test {

inline FrameText app_frame(const std::string& function, const std::string& file, std::uint32_t line) {
  return {function, "/home/dev/app/" + file, line};
}

/// Suite.Leaks leaks 48 bytes in 2 blocks at src/list.cpp:12 in make_node; Suite.Clean does not.
struct TwoTests : RecordingBuilder {
  TwoTests() { leak(leaky, site, 48, 2); }
  std::uint32_t main_process = process();
  std::uint32_t leaky = test(main_process, "Suite.Leaks");
  std::uint32_t clean = test(main_process, "Suite.Clean");
  std::uint32_t site =
      stack(with_gtest_below({app_frame("make_node", "src/list.cpp", 12),
                              app_frame("Suite_Leaks_Test::TestBody", "tests/list_test.cpp", 14)}));
  [[nodiscard]] model::Verdict verdict(const judge::Policy& policy = {}) const {
    return judge::judge(recording, policy);
  }
};

/// Everything that can make a writer stumble, in every text field.
inline RecordingBuilder hostile(std::size_t name_bytes = 1 << 20) {
  const std::string bad =
      std::string("]]>\x1b[2J\x01\xFF\n<&>\"'\\ ::error::x %") + std::string("\0", 1) + "\xEF\xBF\xBF";
  RecordingBuilder builder;
  const auto process = builder.process(model::ProcessRole::judged, {{}, {}}, "/x/" + bad);
  auto& r = builder.recording;
  r.run.command = {bad};
  r.run.exit = {};
  r.run.incomplete_reasons.push_back({bad, ~0ull, bad, bad});
  r.tracer = {bad, bad, bad, ~0ull, ~0ull, {{bad, ~0ull}}, ~0ull, ~0ull, {bad}, {{bad, ~0ull}}, ~0ull};
  r.processes[process].args = {bad};
  const auto test = builder.test(process, bad + "." + std::string(name_bytes, 'n') + bad,
                                 model::Framework::gtest, "/home/dev/app/" + bad, ~0u);
  const auto stack = builder.stack(
      {{bad, "/home/dev/app/" + bad, ~0u, bad}, {std::string(name_bytes, 'f'), bad, 1, ""}, {"", "", 0, ""}});
  r.frames[0].column = ~0u;
  r.stacks[stack].truncated = true;
  r.stacks[stack].truncated_reason = bad;
  auto& group = builder.leak(test, stack, ~0ull, ~0ull, bad);
  group.type = bad;
  group.section = bad;
  group.retained_by = {bad, bad};
  group.age_max_ms = ~0ull;
  return builder;
}

}  // namespace leakgate::test
