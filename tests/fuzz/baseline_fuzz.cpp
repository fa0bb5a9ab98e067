// SPDX-License-Identifier: Apache-2.0
// Any bytes as a baseline: refused with a sentence that names the place, or read, and then written so that it
// reads back the same. The reader of JSON beneath must take what nlohmann's takes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/judge/baseline.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leakgate;
  const auto baseline = judge::parse_baseline({reinterpret_cast<const char*>(data), size}, "f");
  if (!baseline) {
    if (baseline.error().kind != ErrorKind::format || !baseline.error().message.starts_with("f:"))
      std::abort();
    return 0;
  }
  const auto text = judge::format_baseline(*baseline);
  const auto again = judge::parse_baseline(text, "f");
  if (!again || again->entries != baseline->entries || judge::format_baseline(*again) != text) std::abort();
  return 0;
}
