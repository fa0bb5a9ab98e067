// SPDX-License-Identifier: Apache-2.0
// One pass over the name, for the few that have something to replace; see stable_name.h.
#include "harness/judge/stable_name.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace leakgate::judge {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kNameless = "{}";
constexpr std::string_view kStartUp = "_GLOBAL__sub_I_";

/// How names begin that a counter ends: Catch2 3, 2.13.10 and older, doctest.
constexpr auto kTestStems =
    std::to_array<std::string_view>({"CATCH2_INTERNAL_", "C_A_T_C_H_", "DOCTEST_ANON_"});

std::size_t digits_at(std::string_view text) {
  return std::min(text.find_first_not_of(kDigits), text.size());
}

/// How long the bracket is that `text` begins with, to its end or that of the text.
std::size_t bracket_at(std::string_view text, char open, char close) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == open) ++depth;
    if (text[i] == close && --depth == 0) return i + 1;
  }
  return text.size();
}

/// How much of `text`, from its beginning on, is the compiler's name for something that has none.
std::size_t nameless_at(std::string_view text) {
  if (text.starts_with("{lambda(") || text.starts_with("{unnamed type")) return bracket_at(text, '{', '}');
  if (text.starts_with("<lambda(")) {
    const std::size_t end = 7 + bracket_at(text.substr(7), '(', ')');
    return end < text.size() && text[end] == '>' ? end + 1 : 0;
  }
  if (!text.starts_with("$_")) return 0;
  const std::size_t digits = digits_at(text.substr(2));
  return digits == 0 ? 0 : 2 + digits;
}

/// How much of `text` is the name that a test macro has made, its number left aside; 0 if none is.
std::size_t test_stem_at(std::string_view text) {
  for (const std::string_view stem : kTestStems) {
    if (!text.starts_with(stem)) continue;
    const auto length = text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", stem.size());
    return length == std::string_view::npos || digits_at(text.substr(length)) == 0 ? 0 : length;
  }
  return 0;
}

bool has_something_to_replace(std::string_view name) {
  return name.find_first_of("{$") != std::string_view::npos ||
         name.find("<lambda(") != std::string_view::npos ||
         std::any_of(kTestStems.begin(), kTestStems.end(),
                     [&](std::string_view stem) { return name.find(stem) != std::string_view::npos; });
}

}  // namespace

StableName stable_name(std::string_view qualified) {
  if (qualified.starts_with(kStartUp)) return {std::string(kStartUp), false};
  if (!has_something_to_replace(qualified)) return {std::string(qualified), false};
  StableName name;
  while (!qualified.empty()) {
    std::size_t taken = nameless_at(qualified);
    if (taken != 0) {
      name.text += kNameless;
    } else if (const std::size_t stem = test_stem_at(qualified); stem != 0) {
      name.text += qualified.substr(0, stem);
      name.is_of_test = true;
      taken = stem + digits_at(qualified.substr(stem));
    } else {
      name.text += qualified.front();
      taken = 1;
    }
    qualified.remove_prefix(taken);
  }
  return name;
}

}  // namespace leakgate::judge
