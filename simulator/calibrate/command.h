// SPDX-License-Identifier: Apache-2.0
// The calibrate command: options, progress, files, exit status.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace leakgate::simulator {

struct CalibrateOptions {
  std::string leakgate;
  bool quick = false;
  bool peers = false;
  std::string json, card;
};

void add_calibrate_options(CLI::App& app, CalibrateOptions& options);

/// Returns 0 when every goal is reached, 23 when one is missed, 125 when it could not be measured.
int run_calibrate(const CalibrateOptions& options);

}  // namespace leakgate::simulator
