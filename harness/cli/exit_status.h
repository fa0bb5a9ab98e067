// SPDX-License-Identifier: Apache-2.0
// The one table of exit statuses (DESIGN of the command line, docs/decisions/0003).
#pragma once

#include "harness/base/result.h"
#include "harness/model/verdict.h"

namespace leakgate::cli {

inline constexpr int kPass = 0;
inline constexpr int kSkipped = 77;
inline constexpr int kCannot = 125;
inline constexpr int kNotExecutable = 126;
inline constexpr int kNotFound = 127;

/// For a failure of leakgate's own.
int exit_status(const Error& error);

/// For a command that ended, apart from what it leaked: its own non-zero status, or 128 + n for signal n; 0
/// if it succeeded, or if leakgate ended it at its time limit.
int target_status(const model::RunInfo& run);

/// Whose failure the exit status tells.
enum class ExitRule {
  all,      ///< the command's own, an incomplete trace, the gate's
  command,  ///< the command's own, an incomplete trace: what leaks is only reported
  gate,     ///< an incomplete trace and the gate's: the command's own failure is not leakgate's
  none      ///< nobody's: 0 once the reports are written
};

/// For a verdict. A target that failed by itself wins; then incomplete (125), then the gate
/// (`leak_exit_code`); as far as `rule` asks for them.
int exit_status(const model::Verdict& verdict, int leak_exit_code, ExitRule rule = ExitRule::all);

}  // namespace leakgate::cli
