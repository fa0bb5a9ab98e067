// SPDX-License-Identifier: Apache-2.0
// Any bytes as suppressions: refused with a sentence that names the place, or read and matched against a
// leak.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "harness/judge/suppressions.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leakgate;
  static const auto kTable = std::make_shared<const model::StackTable>(
      model::StackTable{{{"/lib/libx.so.1", ""}},
                        {{"operator new(unsigned long)", "", "", 0, 0, false, 0, 1},
                         {"f(int)", "", "/a/b.cpp", 3, 0, false, 0, 2}},
                        {{{0, 1, 1, 1}, false, "", 0, 0, {}}}});
  const auto read = judge::parse_suppressions({reinterpret_cast<const char*>(data), size}, "f");
  if (!read) {
    if (read.error().kind != ErrorKind::format || !read.error().message.starts_with("f:")) std::abort();
    return 0;
  }
  model::Leak leak;
  leak.function = "malloc";
  leak.fingerprint = "lg1:00";
  leak.stack = model::LeakStack(kTable, 0);
  leak.site = 1;
  for (const auto& suppression : *read) {
    static_cast<void>(suppression.matches(leak, "Suite.Name"));
    static_cast<void>(suppression.expired("2026-01-31T12:00:00Z"));
  }
  return 0;
}
