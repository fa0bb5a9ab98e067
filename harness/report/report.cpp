// SPDX-License-Identifier: Apache-2.0
// From format to renderer, and onto the disk; one report in memory at a time.
#include "harness/report/report.h"

#include "harness/base/atomic_file.h"

namespace leakgate::report {

std::string render(const model::Verdict& verdict, Format format) {
  switch (format) {
    case Format::console:
      return render_console(verdict);
    case Format::json:
      return render_json(verdict);
    case Format::junit:
      return render_junit(verdict);
    case Format::sarif:
      break;
  }
  return render_sarif(verdict);
}

Status write_reports(const model::Verdict& verdict, const std::vector<ReportFile>& files) {
  Status first;
  for (const auto& file : files) {
    auto written = write_whole(file.path, render(verdict, file.format));
    if (!written && first) first = std::move(written);
  }
  return first;
}

}  // namespace leakgate::report
