// SPDX-License-Identifier: Apache-2.0
// The processes below a process, from /proc. In: a pid. Out: pids with handles that cannot come to mean
// another process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "harness/base/descriptor.h"

namespace leakgate::launch {

struct Descendant {
  pid_t pid = 0;
  Descriptor pidfd;
};

/// Parent and start time of a process, as in one line of /proc/PID/stat.
struct ProcessStat {
  pid_t parent = 0;
  std::uint64_t start_ticks = 0;
};

/// Reads a stat line; nothing if it is not one. The name in it may hold any bytes, spaces and parentheses
/// too.
std::optional<ProcessStat> parse_process_stat(std::string_view line);

/// The living descendants of `root`, without it, parents first. Those whose parents have died are no longer
/// among them: they belong to init (leakgate is no subreaper, as that would show in getppid). Empty without
/// /proc.
std::vector<Descendant> find_descendants(pid_t root);

}  // namespace leakgate::launch
