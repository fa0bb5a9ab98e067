// SPDX-License-Identifier: Apache-2.0
// From format to renderer, and onto the disk; files are written piece by piece.
#include "harness/report/report.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

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

constexpr std::size_t kLeaksForThreads = 5000;
constexpr std::size_t kMostThreads = 4;  // each has a chunk of its report in memory

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

namespace {

/// Streams take one report after the other; a file is nobody else's.
bool is_stream(const ReportFile& file) {
  return file.path == "-" || file.path.starts_with("/dev/");
}

}  // namespace

Status write_reports(const model::Verdict& verdict, const std::vector<ReportFile>& files,
                     const JunitInputs& merge) {
  std::vector<Status> written(files.size());
  const auto write_if = [&](std::size_t i, bool stream) {
    if (i < files.size() && is_stream(files[i]) == stream)
      written[i] = write_report(verdict, files[i], merge);
  };
  // a report reads the verdict and nothing else, so that many can be written side by side; few leaks are
  // written before a thread would have started
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++)
      write_if(i, false);
  };
  {
    std::vector<std::jthread> others;
    const std::size_t most = verdict.leaks.size() < kLeaksForThreads
                                 ? 1
                                 : std::min<std::size_t>(std::thread::hardware_concurrency(), kMostThreads);
    while (others.size() + 1 < std::min(most, files.size()))
      others.emplace_back(work);
    work();
  }
  for (std::size_t i = 0; i < files.size(); ++i)
    write_if(i, true);
  Status first;
  for (Status& status : written)
    if (!status && first) first = std::move(status);
  return first;
}

}  // namespace leakgate::report
