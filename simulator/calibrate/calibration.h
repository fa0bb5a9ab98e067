// SPDX-License-Identifier: Apache-2.0
// A calibration: the corpus under the real gate, and what that tells of it on this machine. In: the gate, the
// set. Out: rates, costs, peers, and whether the goals were reached.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "simulator/calibrate/confidence_tally.h"
#include "simulator/calibrate/growth_told.h"
#include "simulator/calibrate/tally.h"

namespace leakgate::simulator {

struct CalibrationRequest {
  std::string leakgate;  ///< the program to measure
  bool quick = false;
  bool peers = false;  ///< other tools beside; the full set has them in any case
  std::function<void(const std::string&)> say = [](const std::string&) {};  ///< what is being done now
};

struct Machine {
  std::string kernel, processor, leakgate;
  unsigned processors = 0;
  double memory_gb = 0;
  std::string compiler;  ///< that the scenarios were built with
};

struct Cost {
  double native_ns = 0;              ///< of a malloc/free pair, processor time
  double traced_ns = 0;              ///< added by leakgate
  std::optional<double> floor_ns;    ///< added by empty probes; nothing where leakgate-bench is not there
  std::optional<double> preload_ns;  ///< added by the preload backend; nothing where it does not work
  double fixed_ms = 0;               ///< added to a program that does nothing
  double verdict_ms = 0;             ///< from the start of a program with one leak to the verdict
  double memory_mb = 0;              ///< leakgate's largest resident set
};

/// Another tool on the same scenarios: it fails a run, or does not.
struct Peer {
  std::string name, version;
  Rate found;    ///< leaking twins with something lost that it failed
  Rate alarmed;  ///< clean twins that it failed
  double ms_per_run = 0;
};

struct Goal {
  std::string name;
  std::string target;
  std::string measured;
  bool reached = false;
};

struct Calibration {
  bool quick = false;
  std::string started;  ///< UTC
  double wall_s = 0;
  Machine machine;
  Tally tally;
  GrowthTally growth;
  ConfidenceTally confidence;
  std::optional<double> held_out_brier;  ///< of the model, when it was fitted
  Cost cost;
  std::vector<Peer> peers;
  std::vector<std::string> left_out;  ///< what was not measured, and why
};

/// Measures. Fails where the gate does not run, or its result cannot be read.
Result<Calibration> calibrate(const CalibrationRequest& request);

/// The figures that leakgate promises, in the order of docs/calibration.md.
std::vector<Goal> goals_of(const Calibration& calibration);

/// Machine, kernel, tools.
Machine describe_machine(const std::string& leakgate);
/// What a pair and a run cost.
Result<Cost> measure_cost(const CalibrationRequest& request, std::vector<std::string>& left_out);
/// The other tools that are installed.
std::vector<Peer> measure_peers(const CalibrationRequest& request, std::vector<std::string>& left_out);

}  // namespace leakgate::simulator
