// SPDX-License-Identifier: Apache-2.0
// One reader per framework; see listing.h.
#include "harness/attribute/listing.h"

#include <algorithm>
#include <functional>
#include <set>

namespace leakgate::attribute {
namespace {

using model::Framework;

void for_each_line(std::string_view text, const std::function<void(std::string_view)>& use) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// "Suite.  # TypeParam = int" and below it "  Name  # GetParam() = 1". Whatever else the program prints has
/// not this form, or no tests below it.
std::vector<ListedTest> read_gtest(std::string_view text) {
  std::vector<ListedTest> tests;
  std::string suite;
  for_each_line(text, [&](std::string_view line) {
    const bool is_test = line.starts_with("  ") && !line.starts_with("   ");
    std::string_view word = line.substr(is_test ? 2 : 0);
    word = word.substr(0, word.find("  # "));
    if (word.empty() || word.find(' ') != std::string_view::npos) return;
    if (!is_test) {
      suite = word.ends_with('.') ? std::string(word) : "";
    } else if (!suite.empty()) {
      const bool disabled = word.starts_with("DISABLED_") || suite.starts_with("DISABLED_") ||
                            suite.find("/DISABLED_") != std::string::npos;
      tests.push_back({suite + std::string(word), disabled});
    }
  });
  return tests;
}

/// One name per line; one that begins with # stands in quotes.
std::vector<ListedTest> read_catch2(std::string_view text) {
  std::vector<ListedTest> tests;
  for_each_line(text, [&](std::string_view line) {
    if (line.starts_with("\"#") && line.ends_with('"')) line = line.substr(1, line.size() - 2);
    if (!line.empty()) tests.push_back({std::string(line), false});
  });
  return tests;
}

/// One name per line between two lines of equals signs.
std::vector<ListedTest> read_doctest(std::string_view text) {
  std::vector<ListedTest> tests;
  int rulers = 0;
  for_each_line(text, [&](std::string_view line) {
    const bool is_ruler = line.size() > 40 && line.find_first_not_of('=') == std::string_view::npos;
    if (is_ruler)
      ++rulers;
    else if (rulers == 1 && !line.empty())
      tests.push_back({std::string(line), false});
  });
  return tests;
}

/// "    name*: description" by depth, the star for what is enabled; what has nothing below it is a test case.
std::vector<ListedTest> read_boost(std::string_view text) {
  struct Unit {
    std::size_t depth;
    std::string name;
    bool enabled;
  };
  std::vector<Unit> units;
  for_each_line(text, [&](std::string_view line) {
    const auto depth = line.find_first_not_of(' ');
    if (depth == std::string_view::npos || depth % 4 != 0) return;
    std::string_view name = line.substr(depth);
    const auto star = name.find("*: ");
    const bool enabled = star != std::string_view::npos || name.ends_with('*');
    if (star != std::string_view::npos)
      name = name.substr(0, star);
    else if (!enabled && name.find(" : ") != std::string_view::npos)
      name = name.substr(0, name.find(" : "));
    else
      name.remove_suffix(1);  // the star, or the space in its place
    units.push_back({depth / 4, std::string(name), enabled});
  });
  std::vector<ListedTest> tests;
  std::vector<std::string> path;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (units[i].depth > path.size()) continue;
    path.resize(units[i].depth);
    path.push_back(units[i].name);
    if (i + 1 < units.size() && units[i + 1].depth > units[i].depth) continue;
    std::string id;
    for (const std::string& part : path)
      (id += id.empty() ? "" : "/") += part;
    tests.push_back({std::move(id), !units[i].enabled});
  }
  return tests;
}

/// The options of `framework` that say how and where to it reports.
std::vector<std::string_view> reporting_options(Framework framework) {
  switch (framework) {
    case Framework::gtest:
      return {"--gtest_output"};
    case Framework::catch2:
      return {"-r", "--reporter", "-o", "--out"};
    case Framework::doctest:
      return {"-r", "--reporters", "-o", "--out", "-dt-r", "--dt-reporters", "-dt-o", "--dt-out"};
    case Framework::boost_test:  // its list is the same whatever it is told
    case Framework::none:
      break;
  }
  return {};
}

}  // namespace

std::vector<std::string> arguments_for_listing(Framework framework,
                                               const std::vector<std::string>& arguments) {
  const auto options = reporting_options(framework);
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    const auto name = word.substr(0, word.find_first_of("=:"));
    if (std::find(options.begin(), options.end(), name) == options.end())
      kept.push_back(arguments[i]);
    else if (framework == Framework::catch2 && name.size() == word.size())
      ++i;  // its value is the next word
  }
  return kept;
}

std::vector<std::vector<std::string>> listing_arguments(Framework framework) {
  switch (framework) {
    case Framework::gtest:
      return {{"--gtest_list_tests"}};
    case Framework::catch2:
      // Catch2 2 does not know how to be quiet with the second, 3 does not know the first
      return {{"--list-test-names-only"}, {"--list-tests", "--verbosity", "quiet"}};
    case Framework::doctest:
      return {{"--list-test-cases", "--no-colors"}};
    case Framework::boost_test:
      return {{"--list_content"}};
    case Framework::none:
      break;
  }
  return {};
}

std::vector<ListedTest> parse_listing(Framework framework, std::string_view text) {
  std::vector<ListedTest> tests;
  if (framework == Framework::gtest) tests = read_gtest(text);
  if (framework == Framework::catch2) tests = read_catch2(text);
  if (framework == Framework::doctest) tests = read_doctest(text);
  if (framework == Framework::boost_test) tests = read_boost(text);
  std::set<std::string> seen;
  std::erase_if(tests, [&](const ListedTest& test) { return !seen.insert(test.id).second; });
  return tests;
}

}  // namespace leakgate::attribute
