// SPDX-License-Identifier: Apache-2.0
// leakgate-fit: collects findings with known truth, fits the model of confidence to them, and checks that the
// model in the repository is the one that its findings give.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>

#include "simulator/calibrate/child.h"
#include "simulator/truth_file.h"
#include "tests/calibration/fit/collect.h"
#include "tests/calibration/fit/model_file.h"

namespace leakgate::fit {
namespace {

constexpr double kMostBrier = 0.05;

int complain(const Error& error) {
  std::fprintf(stderr, "leakgate-fit: %s\n", error.message.c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "hint: %s\n", error.hint.c_str());
  return 125;
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

int fit(const Findings& findings, const Provenance& provenance, const std::string& model_path) {
  const Fitted fitted = fit_all(findings);
  std::fputs(quality_table(fitted).c_str(), stdout);
  const auto written = simulator::write_text(model_path, format_model(fitted, findings, provenance));
  return written ? 0 : complain(written.error());
}

int collect(const std::string& leakgate, const std::string& findings_path, const std::string& model_path) {
  const auto collected = collect_findings(leakgate);
  if (!collected) return complain(collected.error());
  if (auto written = simulator::write_text(findings_path, format_findings(collected->findings)); !written)
    return complain(written.error());
  Provenance provenance{today(), collected->kernel, "", collected->runs};
  if (const auto version = simulator::run_command({leakgate, "--version"}); version)
    provenance.leakgate = version->out.substr(0, version->out.find('\n'));
  return fit(collected->findings, provenance, model_path);
}

int check(const Findings& findings, const std::string& model) {
  const Fitted fitted = fit_all(findings);
  std::fputs(quality_table(fitted).c_str(), stdout);
  if (const std::string other = difference(model, fitted); !other.empty()) {
    std::printf("the model is not the one of these findings: %s\n", other.c_str());
    return 1;
  }
  const double score = brier(fitted.held_out);
  std::printf("Brier score %.4f on held-out families, at most %.2f is wanted\n", score, kMostBrier);
  return score <= kMostBrier ? 0 : 1;
}

}  // namespace
}  // namespace leakgate::fit

int main(int argc, char** argv) {
  using namespace leakgate;
  CLI::App app{"Fits the model of confidence", "leakgate-fit"};
  app.require_subcommand(1);
  std::string findings_path, model_path, leakgate;
  CLI::App* collect = app.add_subcommand("collect", "record the simulator, write findings and model");
  collect->add_option("--leakgate", leakgate, "the leakgate to record with")->required();
  CLI::App* fit = app.add_subcommand("fit", "fit again to the findings that are there");
  CLI::App* check = app.add_subcommand("check", "0 if the model is that of the findings, and good enough");
  for (CLI::App* command : {collect, fit, check}) {
    command->add_option("--findings", findings_path, "the table of findings")->required();
    command->add_option("--model", model_path, "confidence_model.json")->required();
  }
  CLI11_PARSE(app, argc, argv);
  if (*collect) return fit::collect(leakgate, findings_path, model_path);
  const auto text = simulator::read_text(findings_path);
  if (!text) return fit::complain(text.error());
  const auto findings = fit::parse_findings(*text);
  if (!findings) return fit::complain(findings.error());
  const auto model = simulator::read_text(model_path);
  if (*check) return model ? fit::check(*findings, *model) : fit::complain(model.error());
  return fit::fit(*findings, model ? fit::provenance_in(*model) : fit::Provenance{}, model_path);
}
