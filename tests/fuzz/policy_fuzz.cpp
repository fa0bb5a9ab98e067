// SPDX-License-Identifier: Apache-2.0
// Any bytes as a policy: refused with a sentence that names the place, or read, and then written so that it
// reads back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/judge/policy_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leakgate;
  const auto policy = judge::parse_policy({reinterpret_cast<const char*>(data), size}, "f");
  if (!policy) {
    if (policy.error().kind != ErrorKind::format || !policy.error().message.starts_with("f:")) std::abort();
    return 0;
  }
  const auto text = judge::format_policy(*policy);
  const auto again = judge::parse_policy(text, "f");
  if (!again || judge::format_policy(*again) != text) std::abort();
  return 0;
}
