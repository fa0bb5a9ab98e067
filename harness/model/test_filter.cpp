// SPDX-License-Identifier: Apache-2.0
// See test_filter.h.
#include "harness/model/test_filter.h"

#include <algorithm>
#include <initializer_list>

namespace leakgate::model {
namespace {

/// Without what the framework's filters take for a pattern.
std::string escaped(std::string_view id, std::string_view special) {
  std::string out;
  for (const char c : id) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

using Words = std::vector<std::string_view>;

/// "name" of "--name=value", or with another one of `separators`.
std::string_view option_name(std::string_view word, std::string_view separators = "=") {
  word.remove_prefix(std::min(word.find_first_not_of('-'), word.size()));
  return word.substr(0, word.find_first_of(separators));
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_choosing_gtest(std::string_view word) {
  return (option_name(word) == "gtest_filter" && !word.ends_with("=*")) ||
         is_one_of(option_name(word), {"gtest_flagfile", "gtest_list_tests"});
}

/// What is no option is a filter, but for the values of options; those of the user's own are not known.
bool any_choosing_catch2(const Words& words, bool all_parts) {
  constexpr std::string_view kSeparators = "=:";
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i], name = option_name(word, kSeparators);
    if (!word.starts_with('-')) {
      if (word != "*") return true;
      continue;
    }
    const bool is_part = is_one_of(name, {"shard-count", "shard-index"});
    if ((is_part && !all_parts) || is_one_of(name, {"c", "section", "f", "input-file"})) return true;
    const bool has_value = is_part || is_one_of(name, {"r",
                                                       "reporter",
                                                       "o",
                                                       "out",
                                                       "d",
                                                       "durations",
                                                       "D",
                                                       "min-duration",
                                                       "n",
                                                       "name",
                                                       "v",
                                                       "verbosity",
                                                       "w",
                                                       "warn",
                                                       "order",
                                                       "rng-seed",
                                                       "x",
                                                       "abortx",
                                                       "colour-mode",
                                                       "use-colour",
                                                       "benchmark-samples"});
    if (has_value && word.find_first_of(kSeparators) == std::string_view::npos) ++i;
  }
  return false;
}

/// doctest's options may have a prefix.
std::string_view doctest_option(std::string_view word) {
  std::string_view name = option_name(word);
  if (name.starts_with("dt-")) name.remove_prefix(3);
  return name;
}

bool is_choosing_doctest(std::string_view word) {
  const std::string_view name = doctest_option(word);
  for (const std::string_view by : {"test-case", "source-file", "test-suite", "subcase", "list-test"})
    if (name.starts_with(by)) return true;
  return is_one_of(name, {"tc", "tce", "sf", "sfe", "ts", "tse", "sc", "sce", "first", "f", "last", "l"});
}

/// Boost.Test takes names that are cut short, and a value behind the short name.
bool is_choosing_boost(std::string_view word) {
  return option_name(word).starts_with("run") || (word.starts_with("-t") && !word.starts_with("--"));
}

}  // namespace

std::string only_test_argument(Framework framework, std::string_view id) {
  // a name with a dash in front would be taken for an option
  if (framework == Framework::catch2) return (id.starts_with('-') ? "\\" : "") + escaped(id, "\\,[]*~\"");
  return filter_argument(framework, framework == Framework::doctest ? escaped(id, ",\\") : std::string(id));
}

std::string filter_argument(Framework framework, std::string_view filter) {
  switch (framework) {
    case Framework::gtest:
      return "--gtest_filter=" + std::string(filter);
    case Framework::catch2:
      return std::string(filter);
    case Framework::doctest:
      return "--test-case=" + std::string(filter);
    case Framework::boost_test:
      return "--run_test=" + std::string(filter);
    case Framework::none:
      break;
  }
  return {};
}

bool may_choose_tests(Framework framework, const std::vector<std::string>& args, bool all_parts) {
  const Words words(args.begin() + (args.empty() ? 0 : 1), args.end());
  switch (framework) {
    case Framework::gtest:
      return std::any_of(words.begin(), words.end(), is_choosing_gtest);
    case Framework::catch2:
      return any_choosing_catch2(words, all_parts);
    case Framework::doctest:
      return std::any_of(words.begin(), words.end(), is_choosing_doctest);
    case Framework::boost_test:
      return std::any_of(words.begin(), words.end(), is_choosing_boost);
    case Framework::none:
      break;
  }
  return !words.empty();
}

bool chooses_sections(Framework framework, const std::vector<std::string>& args) {
  return std::any_of(args.begin() + (args.empty() ? 0 : 1), args.end(), [&](const std::string& word) {
    if (!word.starts_with('-')) return false;
    if (framework == Framework::catch2)
      return is_one_of(option_name(word, "=:"), {"c", "section", "skip-benchmarks"});
    if (framework != Framework::doctest) return false;
    const std::string_view name = doctest_option(word);
    return name.starts_with("subcase") || is_one_of(name, {"sc", "sce", "scfl"});
  });
}

std::string choosing_variable(const std::function<std::string(std::string_view)>& variable) {
  for (const std::string_view name : {"GTEST_FILTER", "GTEST_FLAGFILE", "TESTBRIDGE_TEST_ONLY",
                                      "TEST_TOTAL_SHARDS", "BOOST_TEST_RUN_FILTERS"})
    if (const std::string value = variable(name); !value.empty() && value != "*") return std::string(name);
  return {};
}

}  // namespace leakgate::model
