// SPDX-License-Identifier: Apache-2.0
// Plain text columns, and JSON through the project's writer.
#include "tests/bench/cost/cost_report.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <time.h>

#include "harness/base/json_writer.h"

namespace leakgate::bench {
namespace {

std::string utc_now() {
  const time_t now = time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string kernel_release() {
  utsname system{};
  uname(&system);
  return system.release;
}

}  // namespace

std::string format_table(const Measurements& measured, const std::vector<Figure>& figures) {
  std::string text = "kernel " + kernel_release() + ", " + utc_now() + "\n";
  std::string workload;
  for (const Measurement& row : measured.all) {
    if (row.values.empty()) continue;
    if (row.workload != workload) {
      workload = row.workload;
      text += fmt::format("\n{} ({})\n  {:<34}{:>11}{:>11}{:>11}{:>10}\n", workload, row.unit, "", "least",
                          "median", "added", "x floor");
    }
    const double added = row.least - measured.least(workload, kNative);
    const double floor = measured.least(workload, kFloor) - measured.least(workload, kNative);
    const std::string ratio =
        floor > 0 && row.contender != kNative ? fmt::format("{:.2f}", added / floor) : "";
    text += fmt::format("  {:<34}{:>11.1f}{:>11.1f}{:>11.1f}{:>10}{}\n", row.contender, row.least, row.median,
                        added, ratio, row.complete ? "" : "  incomplete");
  }
  text += "\nfigures\n";
  for (const Figure& figure : figures)
    text += fmt::format("  {:<8}{:<68}{:>9.2f} {:<6}(target {} {:g}; {})\n",
                        figure.reached() ? "reached" : "MISSED", figure.name, figure.value, figure.unit,
                        figure.at_least ? ">=" : "<=", figure.target, figure.from);
  for (const std::string& problem : measured.problems)
    text += "problem: " + problem + "\n";
  return text;
}

std::string format_json(const Measurements& measured, const std::vector<Figure>& figures,
                        const MeasureOptions& options, const std::vector<std::string>& missing) {
  JsonWriter json(3);
  const auto strings = [&](std::string_view name, const std::vector<std::string>& texts) {
    json.begin_array(name);
    for (const std::string& one : texts)
      json.string(one);
    json.end_array();
  };
  json.begin_object();
  json.member("schema", "leakgate-cost/1");
  json.member("kernel", kernel_release());
  json.member("date", utc_now());
  json.member("rounds", options.rounds);
  json.member("quick", options.quick);
  strings("not_installed", missing);
  strings("problems", measured.problems);
  json.begin_array("measurements");
  for (const Measurement& row : measured.all) {
    if (row.values.empty()) continue;
    json.begin_object();
    json.member("workload", row.workload);
    json.member("contender", row.contender);
    json.member("unit", row.unit);
    json.key("least"), json.decimal(row.least, 3);
    json.key("median"), json.decimal(row.median, 3);
    json.key("least_cpu_ms"), json.decimal(row.least_cpu_ms, 3);
    json.key("added"), json.decimal(row.least - measured.least(row.workload, kNative), 3);
    json.member("status", row.status);
    json.member("complete", row.complete);
    json.end_object();
  }
  json.end_array();
  json.begin_array("memory");
  for (const Memory& memory : measured.memory) {
    json.begin_object();
    json.member("contender", memory.contender);
    json.member("live_blocks", memory.blocks);
    json.member("kernel_bytes", memory.kernel_bytes);
    json.member("user_bytes", memory.user_bytes);
    json.end_object();
  }
  json.end_array();
  json.begin_array("figures");
  for (const Figure& figure : figures) {
    json.begin_object();
    json.member("name", figure.name);
    json.key("value"), json.decimal(figure.value, 3);
    json.member("unit", figure.unit);
    json.member("relation", figure.at_least ? ">=" : "<=");
    json.key("target"), json.decimal(figure.target, 3);
    json.member("reached", figure.reached());
    json.member("from", figure.from);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take() + "\n";
}

}  // namespace leakgate::bench
