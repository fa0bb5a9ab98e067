// SPDX-License-Identifier: Apache-2.0
// A batch: every twin of every scenario as a process of its own, one after the other, so that one tracer
// serves all. The scenarios that run in it, and which process was which.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "harness/base/result.h"
#include "simulator/scenario.h"
#include "simulator/score.h"

namespace leakgate::simulator {

/// One process of a batch.
struct BatchRun {
  std::int64_t pid = 0;
  std::string scenario;
  std::string twin;
};

/// `words` and the options that give `parameters`; those that are 0 are left to the scenario.
std::vector<std::string> with_parameters(std::vector<std::string> words, const Parameters& parameters);

/// Runs the batch; each process writes its truth to `directory`/SCENARIO.TWIN.json, and "runs" tells their
/// pids. Fails when a process cannot be started or does not end well.
/// `only`: leaking or clean twins alone; empty: both.
Status run_batch(const std::string& directory, const Parameters& parameters, const std::string& only = {});

/// What run_batch() wrote to "runs".
Result<std::vector<BatchRun>> read_runs(const std::string& directory);

/// The part of `result` that is about process `pid` and those it forked.
ReportedResult part_of(const ReportedResult& result, std::int64_t pid);

}  // namespace leakgate::simulator
