// SPDX-License-Identifier: Apache-2.0
// By name. The runtime of UndefinedBehaviorSanitizer is not among them: it leaves allocation alone.
#include "harness/base/sanitizer_library.h"

#include <algorithm>
#include <iterator>

#include "harness/base/text.h"

namespace leakgate {

bool is_sanitizer_library(std::string_view path) {
  static constexpr std::string_view kNames[] = {"libasan", "libhwasan", "liblsan", "libmsan", "libtsan"};
  const std::string_view name = base_name(path);
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [name](std::string_view sanitizer) { return name.starts_with(sanitizer); });
}

}  // namespace leakgate
