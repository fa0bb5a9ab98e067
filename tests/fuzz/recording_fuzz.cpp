// SPDX-License-Identifier: Apache-2.0
// Any bytes as a recording file: refused with an error, or read, written back the same, judged and reported.
// Input without the version line is taken for a body and sealed, because no fuzzer guesses a checksum.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/judge/judge.h"
#include "harness/judge/merge.h"
#include "harness/model/recording_file.h"
#include "harness/report/report.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leakgate;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const bool sealed = input.starts_with("leakgate-recording/");
  const auto recording = model::parse_recording(sealed ? std::string(input) : model::seal_recording(input));
  if (!recording) {
    require(recording.error().kind == ErrorKind::format && !recording.error().message.empty());
    return 0;
  }
  const std::string text = model::format_recording(*recording);
  const auto again = model::parse_recording(text);
  require(again.has_value() && model::format_recording(*again) == text);
  const auto twice = judge::check_parts({*recording, *again}, {"a", "b"}, judge::MergeRule::any);
  require(!twice);
  const auto merged = judge::merge({*recording, *again});
  require(merged.has_value());
  judge::Policy policy;
  policy.rules.min_size_bytes = size % 7;
  policy.run.bytes = size % 3 == 0 ? std::optional<std::uint64_t>(100) : std::nullopt;
  const auto verdict = judge::judge(*merged, policy);
  for (const auto& name : report::format_names())
    report::render(verdict, *report::format_from_name(name));
  return 0;
}
