// SPDX-License-Identifier: Apache-2.0
// From format to renderer, and onto the disk; files are written piece by piece.
#include "harness/report/report.h"

#include <array>

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

Status write_report(const model::Verdict& verdict, const ReportFile& report, const JunitInputs& merge) {
  auto file = WholeFile::create(report.path);
  if (!file) return std::move(file).error();
  Status written;
  const Sink sink = [&](std::string_view piece) {
    if (written) written = file->append(piece);
  };
  if (report.format == Format::junit)
    write_merged_junit(verdict, merge, sink);
  else
    write(verdict, report.format, sink);
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

namespace {

struct NamedFormat {
  Format format;
  std::string_view name;
  void (*write)(const model::Verdict&, const Sink&);
};

void write_console(const model::Verdict& verdict, const Sink& sink) {
  sink(render_console(verdict));
}
void write_upload_sarif(const model::Verdict& verdict, const Sink& sink) {
  write_sarif(verdict, {}, sink);
}
void write_full_sarif(const model::Verdict& verdict, const Sink& sink) {
  write_sarif(verdict, {.max_results = ~std::size_t{0}, .full = true}, sink);
}

constexpr auto kFormats = std::to_array<NamedFormat>({
    {Format::console, "console", write_console},
    {Format::json, "json", write_json},
    {Format::junit, "junit", write_junit},
    {Format::sarif, "sarif", write_upload_sarif},
    {Format::sarif_full, "sarif-full", write_full_sarif},
    {Format::html, "html", write_html},
    {Format::markdown, "markdown", write_markdown},
    {Format::github_annotations, "github-annotations", write_github_annotations},
    {Format::github_summary, "github-summary", write_github_summary},
    {Format::code_quality, "code-quality", write_code_quality},
    {Format::openmetrics, "openmetrics", write_openmetrics},
    {Format::valgrind_xml, "valgrind-xml", write_valgrind_xml},
    {Format::collapsed, "collapsed", write_collapsed},
    {Format::heat_map, "heat-map", write_heat_map},
    {Format::problem_matcher, "problem-matcher", write_problem_matcher},
    {Format::gdb, "gdb", write_gdb},
    {Format::ctest_rows, "ctest-rows", write_ctest_rows},
    {Format::valgrind_log, "valgrind-log", write_valgrind_log},
});

}  // namespace

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const auto& row : kFormats)
    names.emplace_back(row.name);
  return names;
}

std::optional<Format> format_from_name(std::string_view name) {
  for (const auto& row : kFormats)
    if (row.name == name) return row.format;
  return {};
}

void write(const model::Verdict& verdict, Format format, const Sink& sink) {
  for (const auto& row : kFormats)
    if (row.format == format) return row.write(verdict, sink);
}

Status write_reports(const model::Verdict& verdict, const std::vector<ReportFile>& files,
                     const JunitInputs& merge) {
  Status first;
  for (const auto& file : files) {
    auto written = write_report(verdict, file, merge);
    if (!written && first) first = std::move(written);
  }
  return first;
}

}  // namespace leakgate::report
