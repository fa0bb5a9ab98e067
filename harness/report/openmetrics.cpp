// SPDX-License-Identifier: Apache-2.0
// OpenMetrics 1.0 text, for GitLab's metrics report and for scrapers. Families stand together, units are
// suffixes, the last line is "# EOF". Tests are labels, so only the worst hundred are there.
#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "harness/base/saturated.h"
#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/report/report.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxTests = 100;
constexpr std::size_t kMaxLabelBytes = 500;

std::string label(std::string_view text) {
  std::string out;
  for (const char c : shorten(xml_attribute(text), kMaxLabelBytes)) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

class Metrics {
 public:
  void family(std::string_view name, std::string_view type, std::string_view unit, std::string_view help) {
    name_ = name;
    suffix_ = type == "counter" ? "_total" : "";
    text += fmt::format("# TYPE {} {}\n", name, type);
    if (!unit.empty()) text += fmt::format("# UNIT {} {}\n", name, unit);
    text += fmt::format("# HELP {} {}\n", name, help);
  }
  void sample(std::uint64_t value, std::string_view labels = {}) {
    text += fmt::format("{}{}{} {}\n", name_, suffix_, labels.empty() ? "" : fmt::format("{{{}}}", labels),
                        value);
  }
  void one(std::string_view name, std::string_view type, std::string_view unit, std::string_view help,
           std::uint64_t value) {
    family(name, type, unit, help);
    sample(value);
  }
  std::string text;

 private:
  std::string_view name_, suffix_;
};

struct TestSum {
  std::string label;
  std::uint64_t bytes = 0;
};

/// The tests with most failing bytes. A label may stand there once: tests that share it (rounds of one test,
/// programs that have a test of one name) are one sum.
std::vector<TestSum> worst_tests(const model::Verdict& verdict) {
  std::vector<TestSum> sums;
  std::unordered_map<std::string, std::size_t> known;
  for (const auto& judged : verdict.tests) {
    std::uint64_t bytes = 0;
    for (const auto index : judged.leaks)
      if (const auto& leak = verdict.leaks[index]; leak.verdict == model::LeakVerdict::fail)
        add_to(bytes, leak.bytes);
    if (bytes == 0) continue;
    std::string name = label(judged.test.id);
    const auto [at, fresh] = known.try_emplace(name, sums.size());
    if (fresh) sums.push_back({std::move(name), 0});
    add_to(sums[at->second].bytes, bytes);
  }
  std::stable_sort(sums.begin(), sums.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return sums;
}

}  // namespace

void write_openmetrics(const model::Verdict& verdict, const Sink& sink) {
  Metrics out;
  const auto& summary = verdict.summary;
  out.one("leakgate_tests", "gauge", "", "Test cases.", summary.tests);
  out.one("leakgate_tests_leaking", "gauge", "", "Test cases with failing leaks.", summary.leaking);
  out.one("leakgate_leaked_bytes", "gauge", "bytes", "Bytes of failing leaks.", summary.leaked_bytes);
  out.one("leakgate_leaked_blocks", "gauge", "", "Blocks of failing leaks.", summary.leaked_blocks);
  out.family("leakgate_leaks", "gauge", "", "Leaks by verdict.");
  std::uint64_t counts[4] = {};
  for (const auto& leak : verdict.leaks)
    ++counts[static_cast<std::size_t>(leak.verdict)];
  for (const auto kind : {model::LeakVerdict::fail, model::LeakVerdict::allowed,
                          model::LeakVerdict::suppressed, model::LeakVerdict::below_threshold})
    out.sample(counts[static_cast<std::size_t>(kind)], fmt::format("verdict=\"{}\"", model::name_of(kind)));
  out.one("leakgate_run_complete", "gauge", "", "1 if the trace has no gaps.",
          summary.verdict == model::RunVerdict::incomplete ? 0 : 1);
  out.one("leakgate_allocations", "counter", "", "Allocations traced.", verdict.tracer.allocations);
  out.one("leakgate_frees", "counter", "", "Frees traced.", verdict.tracer.frees);
  out.one("leakgate_peak_live_bytes", "gauge", "bytes", "Most bytes outstanding at one time.",
          verdict.tracer.peak_live_bytes);
  out.family("leakgate_lost_events", "counter", "", "Events the tracer lost.");
  std::uint64_t shown = 0;
  for (const auto& [cause, count] : verdict.tracer.lost)
    if (shown++ < kMaxTests) out.sample(count, fmt::format("cause=\"{}\"", label(cause)));
  const auto tests = worst_tests(verdict);
  if (!tests.empty())
    out.family("leakgate_test_leaked_bytes", "gauge", "bytes", "Bytes of failing leaks by test.");
  for (std::size_t i = 0; i < tests.size() && i < kMaxTests; ++i)
    out.sample(tests[i].bytes, fmt::format("test=\"{}\"", tests[i].label));
  sink(out.text + "# EOF\n");
}

}  // namespace leakgate::report
