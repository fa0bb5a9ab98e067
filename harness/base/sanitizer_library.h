// SPDX-License-Identifier: Apache-2.0
// Which libraries are a sanitizer's runtime: those want to be the first that is loaded, and nothing can be
// preloaded beside them.
#pragma once

#include <string_view>

namespace leakgate {

/// Whether the library at `path`, which may be a file's name alone, is the runtime of a sanitizer that
/// interposes allocation functions.
[[nodiscard]] bool is_sanitizer_library(std::string_view path);

}  // namespace leakgate
