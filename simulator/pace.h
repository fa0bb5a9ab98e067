// SPDX-License-Identifier: Apache-2.0
// Pace: a scenario that goes on for a while, round after round at a rate, as services leak. In: what --rate,
// --growth and --duration say. Out: a schedule, kept. Allocates nothing while it runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "harness/base/result.h"
#include "simulator/scenario.h"

namespace leakgate::simulator {

struct Pace {
  double rounds_per_s = 0;  ///< 0: one run, as fast as it goes
  double bytes_per_s = 0;   ///< 0: as many as the rounds take
  std::chrono::milliseconds duration{0};
  [[nodiscard]] bool is_set() const { return rounds_per_s > 0 || bytes_per_s > 0 || duration.count() > 0; }
};

/// "10", "10/s", "600/m", "0.5/s": rounds in a second.
Result<double> parse_rate(std::string_view text);
/// "1MB/s", "64KiB", "500B/s": bytes in a second; K, M and G are powers of 1000, Ki, Mi and Gi of 1024.
Result<double> parse_growth(std::string_view text);
/// "30", "30s", "500ms", "2m", "1h".
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// `asked` for one step of a paced run: one round, unless the caller said otherwise or the scenario's pattern
/// spans several; with a growth, of the size that gives it at the rate.
Parameters paced_parameters(const Scenario& scenario, const Parameters& asked, const Pace& pace);

/// Executes `run` again and again until the duration is over or SIGINT or SIGTERM comes; once where no pace
/// is set.
void execute_paced(const Scenario& scenario, Run& run, const Pace& pace);

}  // namespace leakgate::simulator
