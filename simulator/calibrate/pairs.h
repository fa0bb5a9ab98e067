// SPDX-License-Identifier: Apache-2.0
// The pairs command: what a malloc/free pair costs in this process, as it runs, under whatever it runs.
#pragma once

#include <cstdint>

namespace leakgate::simulator {

/// Nanoseconds of processor time for each of `count` pairs of malloc(64) and free, 20 frames deep.
double measure_pairs(std::uint64_t count);

}  // namespace leakgate::simulator
