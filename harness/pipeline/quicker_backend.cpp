// SPDX-License-Identifier: Apache-2.0
// Processor time, so that load of others does not count.
#include "harness/pipeline/quicker_backend.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "harness/base/elf_image.h"
#include "harness/base/sanitizer_library.h"

namespace leakgate::pipeline {
namespace {

constexpr double kLeastSeconds = 1;
constexpr double kLeastShare = 0.2;

bool can_be_preloaded(const std::string& program) {
  struct stat status {};
  if (::stat(program.c_str(), &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID)) != 0) return false;
  const auto image = ElfImage::open(program);
  return !image || (!image->is_static() && image->interpreter().find("/ld-musl-") == std::string::npos);
}

std::string seconds(double value) {
  return fmt::format("{:.{}f}", value, value < 10 ? 1 : 0);
}

}  // namespace

std::optional<std::string> describe_quicker_backend(const CallCosts& costs) {
  const double pairs = static_cast<double>(costs.allocations + costs.frees) / 2;
  // what is measured of a pair may be more than what a pair took: never promise more than there was
  const double saved =
      std::min(pairs * (costs.pair_ns - kPreloadPairNs) / 1e9, costs.processor_s * (1 - kLeastShare / 2));
  if (saved < kLeastSeconds || saved < costs.processor_s * kLeastShare) return std::nullopt;
  return fmt::format(
      "{:.1f} million allocations: --backend preload would have saved about {} s of {} s of processor time",
      static_cast<double>(costs.allocations) / 1e6, seconds(saved), seconds(costs.processor_s));
}

bool can_all_be_preloaded(const model::Trace& trace) {
  const bool sanitized = std::any_of(trace.modules.begin(), trace.modules.end(),
                                     [](const auto& module) { return is_sanitizer_library(module.path); });
  if (sanitized) return false;
  std::set<std::string> programs;
  for (const model::TraceProcess& process : trace.processes)
    programs.insert(process.exe);
  return std::all_of(programs.begin(), programs.end(), can_be_preloaded);
}

}  // namespace leakgate::pipeline
