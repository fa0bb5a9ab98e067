// SPDX-License-Identifier: Apache-2.0
// The policy: what fails the gate. Filled from the command line (and later a file), read by judge.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "harness/model/verdict.h"

namespace leakgate::judge {

struct Policy {
  std::optional<std::uint64_t> max_leaked_bytes;   ///< tolerated over the whole run; none: nothing is
  std::optional<std::uint64_t> max_leaked_blocks;  ///< likewise
  std::uint64_t min_size_bytes = 0;                ///< leaks of fewer bytes are below the threshold
  double min_age_s = 0;  ///< leaks whose oldest block is younger are below the threshold
  std::set<model::Kind> failing_kinds = {model::Kind::definitely_lost, model::Kind::indirectly_lost,
                                         model::Kind::unclassified};

  /// Whether blocks of `kind` fail.
  [[nodiscard]] bool fails(model::Kind kind) const { return failing_kinds.count(kind) != 0; }
};

/// How probable it is that a leak of `kind` is one. A rule until calibration measures it: definitely lost
/// 0.99, indirectly lost 0.97, unclassified 0.8, possibly lost 0.5, still reachable 0.2.
double confidence_of(model::Kind kind);

/// Severity by bytes: below 1 KiB low, below 64 KiB medium, below 1 MiB high, from there on critical.
model::Severity severity_of(std::uint64_t bytes);

}  // namespace leakgate::judge
