// SPDX-License-Identifier: Apache-2.0
// See test_filter.h.
#include "harness/model/test_filter.h"

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

}  // namespace leakgate::model
