// SPDX-License-Identifier: Apache-2.0
// CanaryWatch: follows the canary's process, which stands behind all others in the kernel side's table. In:
// its control records. Out: what was seen of its two blocks. Neither its process nor its blocks reach the
// trace.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/capture/heap_tracer.h"
#include "harness/capture/mapping_tables.h"
#include "harness/capture/modules.h"
#include "harness/capture/moments.h"
#include "harness/capture/session.h"

namespace leakgate::capture {

class CanaryWatch {
 public:
  /// Counters are taken as they are now, before the canary adds to them. `index`: its place in the kernel
  /// side's table; `moments`: a keeper of its own.
  CanaryWatch(Session& session, ModuleTable& modules, MappingTables& tables, std::int32_t pid,
              std::uint32_t index, MomentKeeper moments);

  /// Handles a record if it is of the canary; says whether it was.
  bool take(const lg_record& record, std::size_t size);
  /// Lets go of it where that could not be done at once.
  void release() { moments_.release_lingering(); }
  [[nodiscard]] CanarySight sight() const { return sight_; }
  [[nodiscard]] const lg_totals& totals_before() const { return totals_before_; }
  [[nodiscard]] const std::vector<std::uint64_t>& lost_before() const { return lost_before_; }
  [[nodiscard]] const std::vector<std::uint64_t>& truncated_before() const { return truncated_before_; }

 private:
  void examine();
  void look();
  void look_at(std::uint64_t blocks, std::uint64_t bytes, model::Kind kind);

  Session& session_;
  ModuleTable& modules_;
  MappingTables& tables_;
  std::int32_t pid_;
  std::uint32_t index_;
  MomentKeeper moments_;
  lg_totals totals_before_;
  std::vector<std::uint64_t> lost_before_;
  std::vector<std::uint64_t> truncated_before_;
  CanarySight sight_;
};

}  // namespace leakgate::capture
