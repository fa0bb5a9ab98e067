// SPDX-License-Identifier: Apache-2.0
// Any bytes as test results to merge: refused, or merged into a report that is well-formed XML.
#include <tinyxml2.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/judge/judge.h"
#include "harness/report/report.h"
#include "tests/unit/judge/recording_builder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leakgate;
  static const model::Verdict kVerdict = [] {
    test::RecordingBuilder builder;
    const auto process = builder.process();
    const auto stack = builder.stack({{"f", "/home/dev/app/a.cpp", 3}});
    builder.leak(builder.test(process, "Suite.Leaks"), stack, 5);
    builder.test(process, "Suite.Clean");
    return judge::judge(builder.recording, {});
  }();
  auto document = report::parse_junit({reinterpret_cast<const char*>(data), size}, "f");
  if (!document) {
    if (document.error().kind != ErrorKind::format) std::abort();
    return 0;
  }
  report::JunitInputs inputs{{*document, *document}};
  std::string text;
  report::write_merged_junit(kVerdict, inputs, [&](std::string_view piece) { text += piece; });
  tinyxml2::XMLDocument again;
  if (again.Parse(text.data(), text.size()) != tinyxml2::XML_SUCCESS) std::abort();
  return 0;
}
