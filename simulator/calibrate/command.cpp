// SPDX-License-Identifier: Apache-2.0
// See command.h.
#include "simulator/calibrate/command.h"

#include <cstdio>

#include "simulator/calibrate/calibration.h"
#include "simulator/calibrate/child.h"
#include "simulator/calibrate/document.h"
#include "simulator/driver.h"

namespace leakgate::simulator {
namespace {

constexpr int kMissed = 23;

Status write_reports(const Calibration& calibration, const CalibrateOptions& options) {
  if (!options.json.empty())
    if (auto written = write_text(options.json, calibration_json(calibration)); !written) return written;
  if (!options.card.empty())
    if (auto written = write_text(options.card, accuracy_card(calibration)); !written) return written;
  return {};
}

Status check_reports(const CalibrateOptions& options) {
  for (const std::string& path : {options.json, options.card})
    if (!path.empty())
      if (auto ok = check_text(path); !ok) return ok;
  return {};
}

}  // namespace

void add_calibrate_options(CLI::App& app, CalibrateOptions& options) {
  app.add_flag("--quick", options.quick, "the small set, in less than a minute");
  app.add_flag("--peers", options.peers, "Valgrind and LeakSanitizer beside it, as in the full set");
  app.add_option("--json", options.json, "write leakgate-calibration/1 to FILE")->type_name("FILE");
  app.add_option("--card", options.card, "write an accuracy card (Markdown) to FILE")->type_name("FILE");
  app.add_option("--leakgate", options.leakgate, "the leakgate to measure")
      ->type_name("FILE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // `leakgate calibrate` gives itself
}

int run_calibrate(const CalibrateOptions& options) {
  // minutes of measuring are not for nothing
  if (auto ok = check_reports(options); !ok) return complain(ok.error());
  CalibrationRequest request;
  request.leakgate = options.leakgate.empty() ? find_program("leakgate", {"../harness"}) : options.leakgate;
  if (request.leakgate.empty())
    return complain({ErrorKind::not_found, "leakgate was not found", "give it with --leakgate", 0});
  request.quick = options.quick;
  request.peers = options.peers;
  request.say = [](const std::string& what) {
    std::fprintf(stderr, "leakgate calibrate: %s\n", what.c_str());
  };
  const auto calibration = calibrate(request);
  if (!calibration) return complain(calibration.error());
  if (auto written = write_reports(*calibration, options); !written) return complain(written.error());
  const bool on_screen = options.json != "-" && options.card != "-";
  const std::string table = calibration_table(*calibration);
  std::fwrite(table.data(), 1, table.size(), on_screen ? stdout : stderr);
  for (const Goal& goal : goals_of(*calibration))
    if (!goal.reached) return kMissed;
  return 0;
}

}  // namespace leakgate::simulator
