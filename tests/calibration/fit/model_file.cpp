// SPDX-License-Identifier: Apache-2.0
// See model_file.h.
#include "tests/calibration/fit/model_file.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace leakgate::fit {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, double unit) {
  return std::round(value / unit) * unit;
}

/// Shorter than what a double can say: numbers that people can read.
Json number(double value) {
  return Json(std::stod(fmt::format("{:.6f}", value)));
}

Json model_json(const Model& model) {
  Json coefficients = Json::array();
  for (const double value : model.coefficients)
    coefficients.push_back(number(value));
  return {{"coefficients", coefficients},
          {"platt_slope", number(model.platt_slope)},
          {"platt_offset", number(model.platt_offset)}};
}

template <typename KeyOf>
std::map<std::string, std::vector<HeldOut>> grouped(const std::vector<HeldOut>& findings, KeyOf key_of) {
  std::map<std::string, std::vector<HeldOut>> groups;
  for (const HeldOut& one : findings)
    groups[key_of(one.finding)].push_back(one);
  return groups;
}

double count_of(const std::vector<HeldOut>& findings, bool leaks_only = false) {
  double sum = 0;
  for (const auto& [finding, probability] : findings)
    sum += finding.leak || !leaks_only ? finding.count : 0;
  return sum;
}

Json groups_json(const std::map<std::string, std::vector<HeldOut>>& groups) {
  Json rows = Json::array();
  for (const auto& [name, findings] : groups)
    rows.push_back({{"name", name},
                    {"findings", count_of(findings)},
                    {"leaks", count_of(findings, true)},
                    {"brier", number(brier(findings))}});
  return rows;
}

std::string by_family(const Finding& finding) {
  return finding.family;
}
std::string by_kind(const Finding& finding) {
  return finding.kind;
}

constexpr double kRates[] = {0.1, 0.05, 0.02, 0.01};

Json held_out_json(const std::vector<HeldOut>& findings) {
  Json bins = Json::array();
  double from = 0;
  for (const Bin& bin : reliability(findings)) {
    bins.push_back({{"from", rounded(from, 0.1)},
                    {"findings", bin.findings},
                    {"mean_confidence", number(bin.mean)},
                    {"share_of_leaks", number(bin.share)}});
    from += 0.1;
  }
  Json thresholds = Json::array();
  for (const double rate : kRates) {
    const Threshold threshold = threshold_for(findings, rate);
    thresholds.push_back({{"chosen_false_positive_rate", rate},
                          {"min_confidence", number(threshold.confidence)},
                          {"false_positive_rate", number(threshold.false_positive_rate)},
                          {"true_positive_rate", number(threshold.true_positive_rate)}});
  }
  return {{"how", "each family by a model of all others"},
          {"findings", count_of(findings)},
          {"leaks", count_of(findings, true)},
          {"brier", number(brier(findings))},
          {"families", groups_json(grouped(findings, by_family))},
          {"kinds", groups_json(grouped(findings, by_kind))},
          {"reliability", bins},
          {"thresholds", thresholds}};
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string difference_of(const Json& document, const char* part, const Model& model) {
  const Json::json_pointer at(std::string("/") + part + "/coefficients");
  if (!document.contains(at) || document[at].size() != model.coefficients.size())
    return std::string(part) + ": no coefficients, or of other features";
  for (std::size_t i = 0; i < model.coefficients.size(); ++i)
    if (!document[at][i].is_number() ||
        std::abs(document[at][i].get<double>() - model.coefficients[i]) > 2e-6)
      return fmt::format("{}: the coefficient of {} is another, {:.6f}", part, judge::kFeatures[i],
                         model.coefficients[i]);
  for (const auto& [name, value] :
       {std::pair{"platt_slope", model.platt_slope}, {"platt_offset", model.platt_offset}})
    if (std::abs(document[part].value(name, 0.0) - value) > 2e-6)
      return fmt::format("{}: {} is another, {:.6f}", part, name, value);
  return {};
}

}  // namespace

Fitted fit_all(const Findings& findings) {
  const auto with = findings.with_kinds(true), without = findings.with_kinds(false);
  return {fit_model(with), fit_model(without), leave_one_family_out(with), leave_one_family_out(without)};
}

std::string format_model(const Fitted& fitted, const Findings& findings, const Provenance& provenance) {
  double count = 0, leaks = 0;
  for (const Finding& row : findings.with_kinds(true)) {
    count += row.count;
    leaks += row.leak ? row.count : 0;
  }
  Json features = Json::array();
  for (const std::string_view name : judge::kFeatures)
    features.push_back(name);
  const Json document{{"schema", "leakgate-confidence/1"},
                      {"features", features},
                      {"with_kinds", model_json(fitted.with_kinds)},
                      {"without_kinds", model_json(fitted.without_kinds)},
                      {"provenance",
                       {{"date", provenance.date},
                        {"kernel", provenance.kernel},
                        {"leakgate", provenance.leakgate},
                        {"findings", count},
                        {"leaks", leaks},
                        {"table", "tests/calibration/fit/findings.csv"},
                        {"runs", provenance.runs}}},
                      {"held_out", held_out_json(fitted.held_out)},
                      {"held_out_without_kinds", held_out_json(fitted.held_out_without)}};
  return document.dump(2) + "\n";
}

Provenance provenance_in(const std::string& text) {
  const Json document = Json::parse(text, nullptr, false);
  Provenance result;
  if (document.is_discarded() || !document.contains("provenance")) return result;
  const Json& from = document["provenance"];
  result.date = text_at(from, "date");
  result.kernel = text_at(from, "kernel");
  result.leakgate = text_at(from, "leakgate");
  for (const Json& run : from.value("runs", Json::array()))
    if (run.is_string()) result.runs.push_back(run.get<std::string>());
  return result;
}

std::string difference(const std::string& text, const Fitted& fitted) {
  const Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded()) return "the model is no JSON";
  std::string found = difference_of(document, "with_kinds", fitted.with_kinds);
  return found.empty() ? difference_of(document, "without_kinds", fitted.without_kinds) : found;
}

std::string quality_table(const Fitted& fitted) {
  std::string text;
  for (const auto* findings : {&fitted.held_out, &fitted.held_out_without}) {
    text += fmt::format("\n{}: Brier score {:.4f} over {:g} findings, {:g} of them leaks\n",
                        findings == &fitted.held_out ? "held-out families" : "the same without kinds",
                        brier(*findings), count_of(*findings), count_of(*findings, true));
    auto groups = grouped(*findings, by_family);
    for (auto& [kind, of_kind] : grouped(*findings, by_kind))
      groups["kind " + kind] = of_kind;
    for (const auto& [name, group] : groups)
      text += fmt::format("  {:<24} {:>7g} findings {:>7g} leaks  Brier {:.4f}\n", name, count_of(group),
                          count_of(group, true), brier(group));
    text += "  confidence   findings     mean   are leaks\n";
    int tenth = 0;
    for (const Bin& bin : reliability(*findings)) {
      text += fmt::format("  {:.1f} to {:.1f} {:>10g}    {:.3f}       {:.3f}\n", tenth / 10.0,
                          (tenth + 1) / 10.0, bin.findings, bin.mean, bin.share);
      ++tenth;
    }
    for (const double rate : kRates) {
      const Threshold t = threshold_for(*findings, rate);
      text +=
          fmt::format("  false positives <= {:g}: from {:.3f} on; {:.4f} of what is none, {:.4f} of leaks\n",
                      rate, t.confidence, t.false_positive_rate, t.true_positive_rate);
    }
  }
  text += "\ncoefficients, with kinds and without\n";
  for (std::size_t i = 0; i < judge::kFeatures.size(); ++i)
    text += fmt::format("  {:<18} {:>9.3f} {:>9.3f}\n", judge::kFeatures[i],
                        fitted.with_kinds.coefficients[i], fitted.without_kinds.coefficients[i]);
  return text;
}

}  // namespace leakgate::fit
