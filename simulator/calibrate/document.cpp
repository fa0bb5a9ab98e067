// SPDX-License-Identifier: Apache-2.0
// Three forms of the same figures. See document.h.
#include "simulator/calibrate/document.h"

#include <cstdio>

#include "simulator/calibrate/held_out.h"
#include "simulator/json_access.h"

namespace leakgate::simulator {
namespace {

using Json = nlohmann::ordered_json;

std::string number(const char* form, double value) {
  char text[64];
  std::snprintf(text, sizeof text, form, value);
  return text;
}

std::string rate_text(const Rate& rate) {
  const Interval interval = wilson(rate);
  return number("%.2f", 100 * rate.value()) + " % (" + std::to_string(rate.hits) + " of " +
         std::to_string(rate.of) + "; 95 %: " + number("%.2f", 100 * interval.low) + " to " +
         number("%.2f", 100 * interval.high) + ")";
}

struct NamedRate {
  const char* key;
  const char* words;
  const Rate* rate;
};

std::vector<NamedRate> rates_of(const Calibration& calibration) {
  const Tally& tally = calibration.tally;
  return {{"true_positive", "leaks found (true positives)", &tally.found},
          {"true_positive_over_1k", "of more than 1 KiB", &tally.found_1k},
          {"false_positive", "clean twins with an alarm (false positives)", &tally.alarmed},
          {"exact_bytes", "bytes and blocks exact", &tally.exact},
          {"right_test", "right test", &tally.right_test},
          {"right_process", "right process", &tally.right_process},
          {"right_site", "right site", &tally.right_site},
          {"right_kind", "right kind", &tally.right_kind},
          {"growth_told", "growth over 5 rounds told", &calibration.growth.told},
          {"growth_told_growing", "of what grows", &calibration.growth.growing},
          {"growth_told_settled", "of what settles", &calibration.growth.settled}};
}

Json interval_json(const Rate& rate) {
  const Interval interval = wilson(rate);
  return {{"hits", rate.hits}, {"of", rate.of}, {"low", interval.low}, {"high", interval.high}};
}

/// A share, or null where nothing was counted.
Json share(const Rate& rate) {
  return rate.of == 0 ? Json(nullptr) : Json(rate.value());
}

Json scenario_json(const ScenarioRow& row) {
  return {
      {"name", row.name},
      {"family", row.family},
      {"program", row.program},
      {"leaking", row.leaking},
      {"found", row.leaking ? row.groups.of > 0 && row.groups.hits == row.groups.of : row.false_alarms > 0},
      {"runs", row.runs},
      {"leaks", {{"of", row.groups.of}, {"found", row.groups.hits}}},
      {"false_alarms", row.false_alarms},
      {"wrong",
       {{"bytes", row.wrong_bytes},
        {"test", row.wrong_test},
        {"site", row.wrong_site},
        {"process", row.wrong_process},
        {"kind", row.wrong_kind}}},
      {"bytes", {{"true", row.bytes_true}, {"reported", row.bytes_reported}}},
      {"incomplete", row.incomplete},
      {"faults", row.faults}};
}

Json cost_json(const Cost& cost) {
  return {{"ns_per_pair", cost.traced_ns},
          {"native_ns_per_pair", cost.native_ns},
          {"floor_ns_per_pair", cost.floor_ns ? Json(*cost.floor_ns) : Json(nullptr)},
          {"preload_ns_per_pair", cost.preload_ns ? Json(*cost.preload_ns) : Json(nullptr)},
          {"fixed_ms", cost.fixed_ms},
          {"verdict_ms", cost.verdict_ms},
          {"memory_mb", cost.memory_mb}};
}

bool has_fault(const ScenarioRow& row) {
  return row.groups.hits != row.groups.of || row.false_alarms + row.incomplete + row.wrong_bytes +
                                                     row.wrong_test + row.wrong_site + row.wrong_process +
                                                     row.wrong_kind !=
                                                 0;
}

std::string faults_text(const Calibration& calibration, const std::string& before) {
  std::string text;
  for (const ScenarioRow& row : calibration.tally.rows) {
    if (!has_fault(row)) continue;
    text += before + row.name + ", " + (row.leaking ? "leaking" : "clean") + ", " + row.program + ": found " +
            std::to_string(row.groups.hits) + " of " + std::to_string(row.groups.of) + "\n";
    for (const std::string& fault : row.faults)
      text += before + "  " + fault + "\n";
  }
  for (const GrowthRow& row : calibration.growth.rows)
    for (const std::string& fault : row.faults)
      text += before + row.name + ", " + (row.grows ? "growing" : "settled") + ": " + fault + "\n";
  return text;
}

Json growth_json(const GrowthTally& growth) {
  Json rows = Json::array();
  for (const GrowthRow& row : growth.rows)
    rows.push_back({{"name", row.name},
                    {"family", row.family},
                    {"grows", row.grows},
                    {"told", {{"hits", row.told.hits}, {"of", row.told.of}}},
                    {"faults", row.faults}});
  return rows;
}

Json confidence_json(const ConfidenceTally& confidence) {
  Json bins = Json::array();
  for (std::size_t tenth = 0; tenth < confidence.bins.size(); ++tenth) {
    const ReliabilityBin& bin = confidence.bins[tenth];
    const auto of = static_cast<double>(bin.findings);
    bins.push_back({{"from", static_cast<double>(tenth) / 10},
                    {"findings", bin.findings},
                    {"mean_confidence", bin.findings == 0 ? 0 : bin.sum / of},
                    {"share_of_leaks", bin.findings == 0 ? 0 : static_cast<double>(bin.leaks) / of}});
  }
  return {{"findings", confidence.findings},
          {"leaks", confidence.leaks},
          {"brier", confidence.findings == 0 ? Json(nullptr) : Json(confidence.brier())},
          {"reliability", bins},
          {"held_out", Json::parse(kHeldOut)},
          {"fitted", Json::parse(kProvenance)}};
}

/// A row for each tenth that has findings, between `before`, `between` and `after`.
std::string reliability_rows(const ConfidenceTally& confidence, const char* before, const char* between,
                             const char* after) {
  std::string text;
  for (std::size_t tenth = 0; tenth < confidence.bins.size(); ++tenth) {
    const ReliabilityBin& bin = confidence.bins[tenth];
    if (bin.findings == 0) continue;
    const auto of = static_cast<double>(bin.findings);
    text += before + number("%.1f", static_cast<double>(tenth) / 10) + " to " +
            number("%.1f", static_cast<double>(tenth + 1) / 10) + between + number("%6.0f", of) + between +
            number("%.3f", bin.sum / of) + between + number("%.3f", static_cast<double>(bin.leaks) / of) +
            after + "\n";
  }
  return text;
}

std::string cost_lines(const Cost& cost, const std::string& before) {
  std::string text = before + "a malloc/free pair, 20 frames deep: " + number("%.0f", cost.traced_ns) +
                     " ns over " + number("%.0f", cost.native_ns) + " ns native";
  if (cost.floor_ns)
    text += "; empty probes take " + number("%.0f", *cost.floor_ns) + " ns (x " +
            number("%.2f", cost.traced_ns / *cost.floor_ns) + ")";
  if (cost.preload_ns) {
    text += "\n" + before + "with --backend preload: " + number("%.0f", *cost.preload_ns) + " ns";
    const double saved_ns = cost.traced_ns - *cost.preload_ns;
    if (saved_ns > 0.2 * cost.traced_ns)
      text += ", which saves " + number("%.2f", saved_ns / 1e3) + " s of each million pairs";
  }
  text += "\n" + before + "a run: " + number("%.0f", cost.fixed_ms) +
          " ms over the program's own time; verdict on a leak after " + number("%.0f", cost.verdict_ms) +
          " ms\n";
  return text + before + "memory: " + number("%.0f", cost.memory_mb) + " MB resident at most\n";
}

}  // namespace

double held_out_brier() {
  return Json::parse(kHeldOut).value("brier", 1.0);
}

std::string calibration_json(const Calibration& calibration) {
  const Tally& tally = calibration.tally;
  const Machine& machine = calibration.machine;
  Json rates = Json::object();
  Json intervals = Json::object();
  for (const NamedRate& each : rates_of(calibration)) {
    rates[each.key] = share(*each.rate);
    intervals[each.key] = interval_json(*each.rate);
  }
  Json kinds = Json::array();
  for (const auto& [kind, rate] : tally.by_kind) {
    const auto right = tally.kind_right.find(kind);
    kinds.push_back(
        {{"kind", kind},
         {"found", interval_json(rate)},
         {"right_kind", interval_json(right == tally.kind_right.end() ? Rate{} : right->second)}});
  }
  Json scenarios = Json::array();
  for (const ScenarioRow& row : tally.rows)
    scenarios.push_back(scenario_json(row));
  Json peers = Json::array();
  for (const Peer& peer : calibration.peers)
    peers.push_back({{"name", peer.name},
                     {"version", peer.version},
                     {"true_positive", interval_json(peer.found)},
                     {"false_positive", interval_json(peer.alarmed)},
                     {"ms_per_run", peer.ms_per_run}});
  Json goals = Json::array();
  for (const Goal& goal : goals_of(calibration))
    goals.push_back({{"name", goal.name},
                     {"target", goal.target},
                     {"measured", goal.measured},
                     {"reached", goal.reached}});
  const Json document{{"schema", "leakgate-calibration/1"},
                      {"set", calibration.quick ? "quick" : "full"},
                      {"started", calibration.started},
                      {"wall_s", calibration.wall_s},
                      {"machine",
                       {{"leakgate", machine.leakgate},
                        {"kernel", machine.kernel},
                        {"processor", machine.processor},
                        {"processors", machine.processors},
                        {"memory_gb", machine.memory_gb},
                        {"compiler", machine.compiler}}},
                      {"rates", rates},
                      {"intervals", intervals},
                      {"false_alarms", tally.false_alarms},
                      {"incomplete", tally.incomplete},
                      {"kinds", kinds},
                      {"growth", growth_json(calibration.growth)},
                      {"confidence", confidence_json(calibration.confidence)},
                      {"cost", cost_json(calibration.cost)},
                      {"goals", goals},
                      {"peers", peers},
                      {"left_out", calibration.left_out},
                      {"scenarios", scenarios}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string calibration_table(const Calibration& calibration) {
  std::string text;
  const auto row = [&](std::string what, const std::string& value) {
    what.resize(46, ' ');
    text += "  " + what + value + "\n";
  };
  for (const NamedRate& each : rates_of(calibration))
    row(each.words, each.rate->of == 0 ? "not measured" : rate_text(*each.rate));
  row("false alarms, wherever", std::to_string(calibration.tally.false_alarms));
  text += "by kind:\n";
  for (const auto& [kind, rate] : calibration.tally.by_kind)
    row(kind, rate_text(rate));
  text += "confidence, findings, their mean, share of leaks:\n" +
          reliability_rows(calibration.confidence, "  ", "   ", "");
  if (const std::string faults = faults_text(calibration, "  "); !faults.empty())
    text += "faults:\n" + faults;
  text += "cost:\n" + cost_lines(calibration.cost, "  ");
  for (const Peer& peer : calibration.peers)
    text += peer.name + ": fails " + rate_text(peer.found) +
            " of the leaking twins that lose something, and " + rate_text(peer.alarmed) +
            " of the clean ones\n";
  for (const std::string& sentence : calibration.left_out)
    text += "left out: " + sentence + "\n";
  text += "goals:\n";
  for (const Goal& goal : goals_of(calibration))
    row(goal.name, (goal.reached ? "reached   " : "MISSED    ") + goal.target + ": " + goal.measured);
  return text;
}

std::string accuracy_card(const Calibration& calibration) {
  const Machine& machine = calibration.machine;
  std::string text = "# Accuracy of " + machine.leakgate + "\n\n";
  text += "Measured " + calibration.started + " in " + number("%.0f", calibration.wall_s) +
          " s by `leakgate calibrate" + (calibration.quick ? " --quick" : "") +
          "`, on the scenarios of the simulator.\n\n";
  text += "| machine | |\n|---|---|\n| kernel | " + machine.kernel + " |\n| processor | " +
          machine.processor + ", " + std::to_string(machine.processors) + " |\n| memory | " +
          number("%.1f", machine.memory_gb) + " GB |\n| scenarios built by | " + machine.compiler + " |\n\n";
  text += "| figure | goal | measured | |\n|---|---|---|---|\n";
  for (const Goal& goal : goals_of(calibration))
    text += "| " + goal.name + " | " + goal.target + " | " + goal.measured + " | " +
            (goal.reached ? "reached" : "**missed**") + " |\n";
  text += "\n| rate | with its 95 % interval |\n|---|---|\n";
  for (const NamedRate& each : rates_of(calibration))
    if (each.rate->of > 0) text += std::string("| ") + each.words + " | " + rate_text(*each.rate) + " |\n";
  text += "\n| kind | found |\n|---|---|\n";
  for (const auto& [kind, rate] : calibration.tally.by_kind)
    text += "| " + kind + " | " + rate_text(rate) + " |\n";
  text += "\n| confidence | findings | mean | of them leaks |\n|---|---|---|---|\n" +
          reliability_rows(calibration.confidence, "| ", " | ", " |");
  text += "\nCost:\n\n" + cost_lines(calibration.cost, "- ");
  if (!calibration.peers.empty()) {
    text +=
        "\n| beside it | leaking twins that lose something, failed | clean twins failed | a run "
        "|\n|---|---|---|---|\n";
    for (const Peer& peer : calibration.peers)
      text += "| " + peer.name + " " + peer.version + " | " + rate_text(peer.found) + " | " +
              rate_text(peer.alarmed) + " | " + number("%.0f", peer.ms_per_run) + " ms |\n";
  }
  for (const std::string& sentence : calibration.left_out)
    text += "\nLeft out: " + sentence + ".\n";
  if (const std::string faults = faults_text(calibration, "- "); !faults.empty())
    text += "\nFaults:\n\n" + faults;
  return text;
}

}  // namespace leakgate::simulator
