// SPDX-License-Identifier: Apache-2.0
// What the three programs of the simulator share: options, and turning a finished log into a truth file.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "simulator/pace.h"
#include "simulator/scenario.h"
#include "simulator/truth_file.h"

namespace leakgate::simulator {

/// --count, --size, --threads, --seed, --rate, --growth, --duration and --truth, spelled alike in every
/// program.
struct RunOptions {
  Parameters parameters;
  Pace pace;
  std::string rate, growth, duration;  ///< as given; settle_pace() reads them
  std::string truth_path;
};

/// Adds the options to `app`; `options` must outlive it.
inline void add_run_options(CLI::App& app, RunOptions& options) {
  app.add_option("--count", options.parameters.count, "rounds; 0 is the scenario's own number")
      ->check(CLI::Range(0u, 1000000u));
  app.add_option("--size", options.parameters.size, "bytes of a typical block; 0 is the scenario's own size")
      ->check(CLI::Range(0u, 64u << 20));
  app.add_option("--threads", options.parameters.threads,
                 "threads or children that leak; 0 is the scenario's own number")
      ->check(CLI::Range(0u, 256u));
  app.add_option("--seed", options.parameters.seed, "seed of the block sizes")->capture_default_str();
  app.add_option("--rate", options.rate, "rounds in a second, as in 10/s; the scenario then goes on");
  app.add_option("--growth", options.growth, "bytes in a second, as in 1MB/s; the scenario then goes on");
  app.add_option("--duration", options.duration,
                 "for how long, as in 30s; 60s where a rate or growth is given");
  app.add_option("--truth", options.truth_path,
                 "write what was leaked here, as leakgate-truth/1 (- is standard output)");
}

/// Reads --rate, --growth and --duration. Fails (usage) on what is no such thing.
inline Status settle_pace(RunOptions& options) {
  if (!options.rate.empty()) {
    const auto rate = parse_rate(options.rate);
    if (!rate) return rate.error();
    options.pace.rounds_per_s = *rate;
  }
  if (!options.growth.empty()) {
    const auto growth = parse_growth(options.growth);
    if (!growth) return growth.error();
    options.pace.bytes_per_s = *growth;
  }
  if (!options.duration.empty()) {
    const auto duration = parse_duration(options.duration);
    if (!duration) return duration.error();
    options.pace.duration = *duration;
  }
  return {};
}

/// Writes the log as truth. Fails when the log overflowed or the file cannot be written; no path is no work.
inline Status write_truth(const TruthLog& log, const std::string& path, std::string_view scenario,
                          std::string_view twin, std::uint64_t seed) {
  if (path.empty()) return {};
  Result<Truth> truth = truth_from_log(log, scenario, twin, seed);
  if (!truth) return std::move(truth).error();
  return write_text(path, truth_to_json(*truth));
}

/// One sentence and, where there is one, a hint on standard error; returns leakgate's own failure status.
inline int complain(const Error& error) {
  std::string text = "leakgate-sim: " + error.message + "\n";
  if (!error.hint.empty()) text += "hint: " + error.hint + "\n";
  // Nothing is left to do when standard error itself is gone.
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return 125;
  return 125;
}

}  // namespace leakgate::simulator
