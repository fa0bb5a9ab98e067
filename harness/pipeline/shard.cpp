// SPDX-License-Identifier: Apache-2.0
// Three spellings of one fact; see shard.h.
#include "harness/pipeline/shard.h"

#include <charconv>

#include "harness/base/text.h"

namespace leakgate::pipeline {
namespace {

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return {};
  return value;
}

/// The value of an option given as "--name VALUE" or "--name=VALUE"; the last one counts.
std::optional<std::uint32_t> option(const std::vector<std::string>& command, std::string_view name) {
  std::optional<std::uint32_t> found;
  for (std::size_t i = 1; i < command.size(); ++i) {
    const std::string_view word = command[i];
    if (word == name && i + 1 < command.size()) found = number(command[i + 1]);
    if (word.starts_with(name) && word.substr(name.size()).starts_with('='))
      found = number(word.substr(name.size() + 1));
  }
  return found;
}

/// "first,last,stride" of ctest's -I: with a stride of n, first is the number of one of n parts.
std::optional<model::Shard> ctest_part(const std::vector<std::string>& command) {
  if (command.empty() || base_name(command.front()) != "ctest") return {};
  std::optional<model::Shard> part;
  for (std::size_t i = 1; i < command.size(); ++i) {
    std::string_view word = command[i];
    if ((word == "-I" || word == "--tests-information") && i + 1 < command.size())
      word = command[i + 1];
    else if (word.starts_with("-I") && word.size() > 2)
      word.remove_prefix(2);
    else
      continue;
    const auto comma = word.find(',');
    const auto second = comma == std::string_view::npos ? comma : word.find(',', comma + 1);
    if (second == std::string_view::npos) continue;
    const auto first = comma == 0 ? 1 : number(word.substr(0, comma));
    const auto rest = word.substr(second + 1);
    const auto stride = number(rest.substr(0, rest.find(',')));
    if (first && stride && *first >= 1 && *first <= *stride)
      part = model::Shard{*first - 1, *stride, "ctest -I"};
  }
  return part;
}

}  // namespace

std::optional<model::Shard> find_shard(const std::vector<std::string>& command,
                                       const std::function<std::string(std::string_view)>& variable) {
  const auto checked = [](std::optional<std::uint32_t> index, std::optional<std::uint32_t> total,
                          const char* by) -> std::optional<model::Shard> {
    if (!total || *total == 0 || index.value_or(0) >= *total) return {};
    return model::Shard{index.value_or(0), *total, by};
  };
  if (auto part = ctest_part(command)) return part;
  if (auto part =
          checked(option(command, "--shard-index"), option(command, "--shard-count"), "--shard-count"))
    return part;
  return checked(number(variable("GTEST_SHARD_INDEX")), number(variable("GTEST_TOTAL_SHARDS")),
                 "GTEST_TOTAL_SHARDS");
}

}  // namespace leakgate::pipeline
