// SPDX-License-Identifier: Apache-2.0
// Collecting findings: the simulator's programs are recorded by leakgate, and what is in the recordings,
// fails or not, is labelled by the truth.
#pragma once

#include <string>
#include <vector>

#include "harness/base/result.h"
#include "tests/calibration/fit/findings.h"

namespace leakgate::fit {

struct Collected {
  Findings findings;
  std::string kernel;
  std::vector<std::string> runs;  ///< a sentence each: program, parameters, seeds
};

/// Records with the program `leakgate`. Fails where one of the programs is not there, a recording is
/// incomplete, or a truth cannot be read.
Result<Collected> collect_findings(const std::string& leakgate);

}  // namespace leakgate::fit
