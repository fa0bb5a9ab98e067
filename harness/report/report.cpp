// SPDX-License-Identifier: Apache-2.0
// From format to renderer, and onto the disk; files are written piece by piece.
#include "harness/report/report.h"

#include "harness/base/atomic_file.h"

namespace leakgate::report {

namespace {

/// All pieces of a report as one string.
template <typename Write>
std::string collect(Write write_to) {
  std::string text;
  write_to([&](std::string_view piece) { text += piece; });
  return text;
}

Status write_report(const model::Verdict& verdict, const ReportFile& report) {
  auto file = WholeFile::create(report.path);
  if (!file) return std::move(file).error();
  Status written;
  write(verdict, report.format, [&](std::string_view piece) {
    if (written) written = file->append(piece);
  });
  return written ? file->commit() : written;
}

}  // namespace

std::string render_json(const model::Verdict& verdict) {
  return collect([&](const Sink& sink) { write_json(verdict, sink); });
}

std::string render_junit(const model::Verdict& verdict) {
  return collect([&](const Sink& sink) { write_junit(verdict, sink); });
}

std::string render_sarif(const model::Verdict& verdict, const SarifLimits& limits) {
  return collect([&](const Sink& sink) { write_sarif(verdict, limits, sink); });
}

std::string render(const model::Verdict& verdict, Format format) {
  return collect([&](const Sink& sink) { write(verdict, format, sink); });
}

void write(const model::Verdict& verdict, Format format, const Sink& sink) {
  switch (format) {
    case Format::console:
      return sink(render_console(verdict));
    case Format::json:
      return write_json(verdict, sink);
    case Format::junit:
      return write_junit(verdict, sink);
    case Format::sarif:
      return write_sarif(verdict, {}, sink);
  }
}

Status write_reports(const model::Verdict& verdict, const std::vector<ReportFile>& files) {
  Status first;
  for (const auto& file : files) {
    auto written = write_report(verdict, file);
    if (!written && first) first = std::move(written);
  }
  return first;
}

}  // namespace leakgate::report
