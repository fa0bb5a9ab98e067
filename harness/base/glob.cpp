// SPDX-License-Identifier: Apache-2.0
// Greedy matching with one point to come back to: the last star. See glob.h.
#include "harness/base/glob.h"

#include <algorithm>

namespace leakgate {

bool glob_matches(std::string_view pattern, std::string_view text) {
  constexpr auto kNoStar = std::string_view::npos;
  std::size_t p = 0, t = 0, star = kNoStar, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != kNoStar) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool any_glob_matches(const std::vector<std::string>& patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return glob_matches(pattern, text); });
}

bool path_glob_matches(std::string_view pattern, std::string_view path) {
  if (glob_matches(pattern, path)) return true;
  const bool is_below = path.starts_with('/') && !pattern.empty() && !pattern.starts_with('/');
  return is_below && glob_matches("*/" + std::string(pattern), path);
}

}  // namespace leakgate
