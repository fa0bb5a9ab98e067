// SPDX-License-Identifier: Apache-2.0
// From format to renderer, and onto the disk; files are written piece by piece.
#include "harness/report/report.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <numeric>

#include "harness/base/atomic_file.h"
#include "harness/base/workers.h"

namespace leakgate::report {

namespace {

/// All pieces of a report as one string.
template <typename Write>
std::string collect(Write write_to) {
  std::string text;
  write_to([&](std::string_view piece) { text += piece; });
  return text;
}

constexpr std::size_t kChunkBytes = 256 << 10;

Status write_report(const model::Verdict& verdict, const ReportFile& report, const JunitInputs& merge) {
  auto file = WholeFile::create(report.path);
  if (!file) return std::move(file).error();
  Status written;
  std::string waiting;  // some reports come in small pieces
  const auto pass_on = [&](std::string_view text) {
    if (written) written = file->append(text);
  };
  const Sink sink = [&](std::string_view piece) {
    if (waiting.size() + piece.size() > kChunkBytes) {
      pass_on(waiting);
      waiting.clear();
    }
    piece.size() > kChunkBytes ? pass_on(piece) : void(waiting += piece);
  };
  if (report.format == Format::junit)
    write_merged_junit(verdict, merge, sink);
  else
    write(verdict, report.format, sink);
  pass_on(waiting);
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

/// Those that take longest, longest first.
constexpr auto kLong =
    std::to_array<Format>({Format::sarif_full, Format::heat_map, Format::valgrind_xml, Format::valgrind_log,
                           Format::code_quality, Format::ctest_rows, Format::json, Format::html,
                           Format::junit, Format::collapsed, Format::problem_matcher});

/// The order in which threads take reports: what is begun last should be short, so that nobody waits for it.
std::vector<std::size_t> long_ones_first(const std::vector<ReportFile>& files) {
  std::vector<std::size_t> order(files.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto place = [&](std::size_t i) { return std::find(kLong.begin(), kLong.end(), files[i].format); };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return place(a) < place(b); });
  return order;
}

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
  const std::vector<std::size_t> order = long_ones_first(files);
  std::atomic<std::size_t> next = 0;
  const auto work = [&](unsigned) {
    for (std::size_t i = next++; i < files.size(); i = next++)
      write_if(order[i], false);
  };
  const unsigned most =
      verdict.leaks.size() < kLeaksForThreads ? 1 : std::min<unsigned>(worker_count(0), kMostThreads);
  run_workers(std::min(most, static_cast<unsigned>(files.size())), work);
  for (std::size_t i = 0; i < files.size(); ++i)
    write_if(i, true);
  Status first;
  for (Status& status : written)
    if (!status && first) first = std::move(status);
  return first;
}

}  // namespace leakgate::report
