// SPDX-License-Identifier: Apache-2.0
// Exit statuses.
#include "harness/cli/exit_status.h"

#include <algorithm>

namespace leakgate::cli {

int exit_status(const Error& error) {
  switch (error.kind) {
    case ErrorKind::not_executable:
      return kNotExecutable;
    case ErrorKind::not_found:
      return kNotFound;
    default:
      return kCannot;
  }
}

int target_status(const model::RunInfo& run) {
  const bool ended_by_us = std::any_of(run.incomplete_reasons.begin(), run.incomplete_reasons.end(),
                                       [](const auto& reason) { return reason.cause == "target_timeout"; });
  if (ended_by_us) return kPass;
  if (run.exit.signal) return 128 + *run.exit.signal;
  return run.exit.code.value_or(0);
}

int exit_status(const model::Verdict& verdict, int leak_exit_code, ExitRule rule) {
  if (rule == ExitRule::none) return kPass;
  if (const int own = target_status(verdict.run); own != 0 && rule != ExitRule::gate) return own;
  switch (verdict.summary.verdict) {
    case model::RunVerdict::pass:
      return kPass;
    case model::RunVerdict::fail:
      return rule == ExitRule::command ? kPass : leak_exit_code;
    case model::RunVerdict::incomplete:
      return kCannot;
  }
  return kCannot;
}

}  // namespace leakgate::cli
