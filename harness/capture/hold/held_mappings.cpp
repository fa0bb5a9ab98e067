// SPDX-License-Identifier: Apache-2.0
// Kinds are told by the kernel's names for mappings.
#include "harness/capture/hold/held_mappings.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace leakgate::capture {
namespace {

using model::MappingKind;

constexpr std::string_view kLedgerPath = "/memfd:leakgate-ledger";  // preload::kFileName

MappingKind kind_of(const FileMapping& mapping) {
  // the preload backend's ledger, which names every block
  if (mapping.path == kLedgerPath) return MappingKind::special;
  if (mapping.has_file()) return MappingKind::file;
  if (mapping.path == "[heap]") return MappingKind::heap;
  if (mapping.path == "[stack]") return MappingKind::main_stack;
  // other names in brackets are the kernel's ([vvar], [vsyscall]), but for named anonymous memory
  const bool named = mapping.path.starts_with("[anon");
  return mapping.path.empty() || !mapping.path.starts_with('[') || named ? MappingKind::anonymous
                                                                         : MappingKind::special;
}

}  // namespace

void add_held_mapping(std::vector<model::HeldMapping>& to, model::HeldMapping row, std::uint64_t module_end) {
  const bool may_be_joined = row.kind == MappingKind::anonymous || row.kind == MappingKind::heap;
  if (may_be_joined && module_end > row.start && !to.empty() && to.back().end == row.start &&
      to.back().kind == MappingKind::file) {
    model::HeldMapping zeros = row;
    zeros.kind = MappingKind::anonymous;
    zeros.module = to.back().module;
    zeros.bias = to.back().bias;
    zeros.end = std::min(row.end, module_end);
    to.push_back(zeros);
    row.start = zeros.end;
  }
  if (row.start < row.end) to.push_back(row);
}

std::vector<model::HeldMapping> held_mappings(const std::vector<FileMapping>& maps,
                                              const ModuleTable& modules, bool& own_allocator) {
  std::map<std::uint32_t, std::uint64_t> bias_of;
  for (const FileMapping& mapping : maps)
    if (const auto id = mapping.executable ? modules.find(mapping) : std::nullopt; id)
      bias_of.emplace(*id, modules.bias(*id, mapping));
  std::vector<model::HeldMapping> rows;
  std::uint64_t module_end = 0;
  for (const FileMapping& mapping : maps) {
    model::HeldMapping row;
    row.start = mapping.start;
    row.end = mapping.end;
    row.readable = mapping.readable;
    row.writable = mapping.writable;
    row.executable = mapping.executable;
    row.shared = mapping.shared;
    row.kind = row.end - row.start > model::kLargestMapping ? MappingKind::special : kind_of(mapping);
    if (mapping.has_file()) module_end = 0;
    if (const auto id = mapping.has_file() ? modules.find(mapping) : std::nullopt; id) {
      row.module = *id;
      row.bias = bias_of[*id];
      module_end = row.bias + modules.memory_end(*id);
      own_allocator = own_allocator || modules.is_own_allocator(*id);
    }
    add_held_mapping(rows, row, module_end);
  }
  return rows;
}

}  // namespace leakgate::capture
