// SPDX-License-Identifier: Apache-2.0
// See findings.h.
#include "tests/calibration/fit/findings.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include <fmt/format.h>

namespace leakgate::fit {
namespace {

std::string head() {
  std::string line = "family,kind,leak,count";
  for (const std::string_view name : judge::kFeatures)
    line += fmt::format(",{}", name);
  return line;
}

bool is_number(const std::string& text, double& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(into);
}

}  // namespace

void Findings::add(Finding finding) {
  for (double& value : finding.features)
    value = std::round(value * 1000) / 1000;
  const auto same = std::find_if(rows_.begin(), rows_.end(), [&](const Finding& row) {
    return row.family == finding.family && row.kind == finding.kind && row.leak == finding.leak &&
           row.features == finding.features;
  });
  if (same == rows_.end())
    rows_.push_back(std::move(finding));
  else
    same->count += finding.count;
}

std::vector<Finding> Findings::with_kinds(bool with) const {
  std::vector<Finding> result;
  for (const Finding& row : rows_)
    if ((row.kind != "unclassified") == with) result.push_back(row);
  return result;
}

std::string format_findings(const Findings& findings) {
  std::vector<std::string> lines;
  for (const Finding& row : findings.rows()) {
    std::string line = fmt::format("{},{},{},{:g}", row.family, row.kind, row.leak ? 1 : 0, row.count);
    for (const double value : row.features)
      line += fmt::format(",{:g}", value);
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  std::string text = head() + "\n";
  for (const std::string& line : lines)
    text += line + "\n";
  return text;
}

Result<Findings> parse_findings(std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string line;
  if (!std::getline(lines, line) || line != head())
    return Error{ErrorKind::format, "the findings have other columns than this program", "collect them again",
                 0};
  Findings findings;
  while (std::getline(lines, line)) {
    std::istringstream cells(line);
    Finding row;
    std::string cell;
    double leak = 0;
    bool good = std::getline(cells, row.family, ',') && std::getline(cells, row.kind, ',') &&
                std::getline(cells, cell, ',') && is_number(cell, leak) && std::getline(cells, cell, ',') &&
                is_number(cell, row.count);
    for (double& value : row.features)
      good = good && std::getline(cells, cell, ',') && is_number(cell, value);
    if (!good) return Error{ErrorKind::format, "a finding cannot be read: " + line, "", 0};
    row.leak = leak != 0;
    findings.add(std::move(row));
  }
  return findings;
}

}  // namespace leakgate::fit
