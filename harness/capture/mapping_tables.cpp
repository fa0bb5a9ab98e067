// SPDX-License-Identifier: Apache-2.0
// Generations are dropped late: a fork in another thread may just have copied the table that was replaced,
// and its record is still on the way.
#include "harness/capture/mapping_tables.h"

namespace leakgate::capture {
namespace {

constexpr std::size_t kRetiredKept = 64;

}  // namespace

Status MappingTables::set(std::uint32_t proc, std::span<const lg_mapping> rows) {
  const Table table{next_generation_++, static_cast<std::uint32_t>(rows.size())};
  if (auto stored = session_.set_mappings(proc, table.generation, rows); !stored) {
    session_.drop_mappings(table.generation, table.mappings);
    return stored;
  }
  end(proc);
  tables_[proc] = table;
  uses_[table.generation] = 1;
  return {};
}

void MappingTables::fork(std::uint32_t parent, std::uint32_t child) {
  const auto found = tables_.find(parent);
  if (found == tables_.end() || tables_.contains(child)) return;
  const Table table = found->second;
  tables_[child] = table;
  ++uses_[table.generation];
}

void MappingTables::end(std::uint32_t proc) {
  const auto found = tables_.find(proc);
  if (found == tables_.end()) return;
  release(found->second);
  tables_.erase(found);
}

void MappingTables::release(const Table& table) {
  if (--uses_[table.generation] == 0) retired_.push_back(table);
  while (retired_.size() > kRetiredKept) {
    const Table oldest = retired_.front();
    retired_.pop_front();
    if (uses_[oldest.generation] != 0) continue;  // inherited after all; retired again when that one ends
    uses_.erase(oldest.generation);
    session_.drop_mappings(oldest.generation, oldest.mappings);
  }
}

}  // namespace leakgate::capture
