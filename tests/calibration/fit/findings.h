// SPDX-License-Identifier: Apache-2.0
// Findings: what a model of confidence is fitted on, as a table in a file. Equal rows are counted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/judge/confidence.h"

namespace leakgate::fit {

struct Finding {
  std::string family;
  std::string kind;  ///< "unclassified": the same findings once more, as they look without kinds
  bool leak = false;
  double count = 1;
  judge::Features features{};  ///< to three decimals
};

/// A table of findings; adding one that is there counts it.
class Findings {
 public:
  void add(Finding finding);
  [[nodiscard]] const std::vector<Finding>& rows() const { return rows_; }
  /// Those with kinds, or the same without.
  [[nodiscard]] std::vector<Finding> with_kinds(bool with) const;

 private:
  std::vector<Finding> rows_;
};

/// Comma-separated, with a head line that names the columns; sorted.
std::string format_findings(const Findings& findings);
/// Fails (format) on other columns than features this program knows.
Result<Findings> parse_findings(std::string_view text);

}  // namespace leakgate::fit
