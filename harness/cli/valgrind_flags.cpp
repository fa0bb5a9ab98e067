// SPDX-License-Identifier: Apache-2.0
// Valgrind's flags; see valgrind_flags.h.
#include "harness/cli/valgrind_flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace leakgate::cli {
namespace {

bool has_prefix(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix);
}

/// What the flags asked for, as far as it concerns leaks.
struct Wish {
  bool leak_check = true;
  bool reachable = false;    ///< blocks that are still reachable are shown too
  std::string error_status;  ///< empty: findings do not change the exit status
  std::string log_file, xml_file;
  std::vector<std::string> suppressions;
  std::vector<std::string> command;
};

/// "%p" is the process's own id; other names of Valgrind's are left as they are.
std::string file_name(std::string name) {
  if (const auto at = name.find("%p"); at != std::string::npos)
    name.replace(at, 2, std::to_string(::getpid()));
  return name;
}

bool is_yes(std::string_view value) {
  return value != "no";
}

Status take(Wish& wish, std::string_view flag) {
  const auto equals = flag.find('=');
  const std::string name(flag.substr(0, equals));
  const std::string value(equals == std::string_view::npos ? "" : flag.substr(equals + 1));
  if (name == "--tool" && value != "memcheck")
    return Error{ErrorKind::usage,
                 fmt::format("leakgate stands in for Valgrind's memcheck, not for {}", value),
                 "use Valgrind itself for its other tools", 0};
  if (name == "--leak-check") wish.leak_check = is_yes(value);
  if (name == "--show-reachable") wish.reachable = is_yes(value);
  if (name == "--show-leak-kinds")
    wish.reachable = value == "all" || value.find("reachable") != std::string::npos;
  if (name == "--error-exitcode" && value != "0") wish.error_status = value;
  if (name == "--log-file") wish.log_file = file_name(value);
  if (name == "--xml-file") wish.xml_file = file_name(value);
  if (name == "--suppressions") wish.suppressions.push_back(value);
  return {};
}

Result<Wish> parse_wish(const std::vector<std::string>& arguments) {
  Wish wish;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--" || !arguments[i].starts_with('-')) {
      wish.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i + (arguments[i] == "--")),
                          arguments.end());
      break;
    }
    if (auto taken = take(wish, arguments[i]); !taken) return std::move(taken).error();
  }
  return wish;
}

/// As Valgrind: findings alone do not fail a command, unless a status was given for them.
std::vector<std::string> own_words(const Wish& wish) {
  std::vector<std::string> words{"run"};
  if (wish.log_file.empty()) words.emplace_back("--report=valgrind-log=/dev/stderr");
  if (!wish.log_file.empty()) words.push_back("--report=valgrind-log=" + wish.log_file);
  if (!wish.xml_file.empty()) words.push_back("--report=valgrind-xml=" + wish.xml_file);
  words.emplace_back("--output=/dev/null");
  for (const auto& file : wish.suppressions)
    words.push_back("--suppressions=" + file);
  if (!wish.leak_check) words.emplace_back("--min-size=4611686018427387904");
  if (wish.reachable)
    words.emplace_back(
        "--fail-kinds=definitely_lost,indirectly_lost,possibly_lost,unclassified,still_reachable");
  if (!wish.error_status.empty()) words.push_back("--leak-exit-code=" + wish.error_status);
  words.emplace_back("--");
  words.insert(words.end(), wish.command.begin(), wish.command.end());
  return words;
}

}  // namespace

bool is_valgrind_call(const std::vector<std::string>& arguments) {
  constexpr std::array<std::string_view, 10> kFlags{
      "--tool=",     "--leak-check=",  "--show-reachable=", "--show-leak-kinds=",
      "--log-file=", "--num-callers=", "--error-exitcode=", "--trace-children=",
      "--xml=",      "--suppressions="};
  for (const auto& argument : arguments) {
    if (!argument.starts_with('-') || argument == "--") return false;
    if (std::any_of(kFlags.begin(), kFlags.end(),
                    [&](std::string_view flag) { return has_prefix(argument, flag); }))
      return true;
  }
  return false;
}

Result<Options> parse_valgrind_call(const std::vector<std::string>& arguments) {
  const auto wish = parse_wish(arguments);
  if (!wish) return wish.error();
  auto options = parse_options(own_words(*wish));
  if (!options) return options;
  if (wish->error_status.empty()) options->exit_rule = ExitRule::command;
  options->reachable_shown_only = true;  // as --errors-for-leak-kinds=definite,possible
  return options;
}

}  // namespace leakgate::cli
