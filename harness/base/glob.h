// SPDX-License-Identifier: Apache-2.0
// Globs over names and paths: `*` is any run of characters (slashes too), `?` any one byte; all else is
// itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leakgate {

/// Whether `pattern` matches all of `text`. Time is at most the product of their lengths.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text);

/// Whether one of `patterns` matches `text`.
[[nodiscard]] bool any_glob_matches(const std::vector<std::string>& patterns, std::string_view text);

/// Whether `pattern` matches the path, or, where it is relative and the path is not, what stands behind one
/// of the path's slashes: reports show a path below the project's root without the root.
[[nodiscard]] bool path_glob_matches(std::string_view pattern, std::string_view path);

}  // namespace leakgate
