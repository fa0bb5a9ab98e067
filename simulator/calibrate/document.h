// SPDX-License-Identifier: Apache-2.0
// A calibration in words: the table on the screen, the JSON document leakgate-calibration/1, the accuracy
// card. Pure.
#pragma once

#include <string>

#include "simulator/calibrate/calibration.h"

namespace leakgate::simulator {

/// The Brier score on held-out families that came with the model of confidence.
double held_out_brier();

std::string calibration_table(const Calibration& calibration);
/// Schema: schema/leakgate-calibration-1.schema.json.
std::string calibration_json(const Calibration& calibration);
/// Markdown.
std::string accuracy_card(const Calibration& calibration);

}  // namespace leakgate::simulator
