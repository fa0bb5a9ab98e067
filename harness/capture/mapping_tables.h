// SPDX-License-Identifier: Apache-2.0
// MappingTables: which generation of mappings each process image uses. In: examined processes, forks, ends.
// Out: generations for the kernel side to hold, and to drop once nobody walks by them. A program that loads
// and unloads plug-ins all day makes thousands.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>

#include "bpf/wire.h"
#include "harness/capture/session.h"

namespace leakgate::capture {

class MappingTables {
 public:
  explicit MappingTables(Session& session) : session_(session) {}

  /// Gives process image `proc` the mappings `rows` (sorted by start) as a generation of its own. Fails (io)
  /// when the kernel's table is full; its stacks are then truncated, and counted.
  Status set(std::uint32_t proc, std::span<const lg_mapping> rows);
  /// The kernel side has given `child` its parent's table.
  void fork(std::uint32_t parent, std::uint32_t child);
  /// `proc` has ended or was replaced by exec.
  void end(std::uint32_t proc);

 private:
  struct Table {
    std::uint32_t generation = 0;
    std::uint32_t mappings = 0;
  };
  void release(const Table& table);

  Session& session_;
  std::uint32_t next_generation_ = 1;
  std::map<std::uint32_t, Table> tables_;        ///< by process image
  std::map<std::uint32_t, std::uint32_t> uses_;  ///< generation -> process images
  std::deque<Table> retired_;                    ///< without users, oldest first
};

}  // namespace leakgate::capture
