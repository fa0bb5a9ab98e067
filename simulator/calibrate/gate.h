// SPDX-License-Identifier: Apache-2.0
// The gate as it is measured: a command under leakgate, and the result that it wrote.
#pragma once

#include <string>
#include <vector>

#include "harness/base/result.h"
#include "simulator/calibrate/calibration.h"
#include "simulator/calibrate/child.h"
#include "simulator/score.h"

namespace leakgate::simulator {

/// Runs `command` under the gate, without a policy file and with `options` besides, and reads its result.
/// Fails where the gate does not do its job.
Result<ReportedResult> run_gate(const CalibrationRequest& request, const WorkDirectory& directory,
                                const std::vector<std::string>& command,
                                const std::vector<std::string>& options = {});

}  // namespace leakgate::simulator
