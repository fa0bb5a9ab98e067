// SPDX-License-Identifier: Apache-2.0
// Words compared; see usage_checks.h.
#include "harness/cli/usage_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "harness/base/text.h"

namespace leakgate::cli {
namespace {

constexpr std::size_t kMostSlips = 2;  ///< letters too many, too few or wrong, up to which a word is close

/// How many letters have to be put in, taken out or replaced to make `b` of `a`.
std::size_t slips_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

Status check_command(std::span<const std::string> words, const std::vector<std::string>& commands) {
  if (words.empty() || words.front().starts_with('-')) return {};
  const std::string& word = words.front();
  if (std::find(commands.begin(), commands.end(), word) != commands.end()) return {};
  std::string hint = "leakgate --help lists the commands";
  std::size_t fewest = kMostSlips + 1;
  for (const std::string& command : commands) {
    if (word.size() > command.size() + kMostSlips) continue;
    const std::size_t slips = slips_between(word, command);
    if (slips >= fewest) continue;
    fewest = slips;
    hint = fmt::format("did you mean {}? leakgate --help lists the commands", command);
  }
  return Error{ErrorKind::usage, fmt::format("unknown command '{}'", shorten(word, 100)), std::move(hint), 0};
}

std::optional<std::string> option_without_value(std::span<const std::string> words) {
  for (const std::string& word : words)
    if (word.starts_with("--") && word.find('=') == word.size() - 1) return word.substr(0, word.size() - 1);
  return {};
}

}  // namespace leakgate::cli
