// SPDX-License-Identifier: Apache-2.0
// Mappings of a process, from /proc/PID/maps. In: a pid. Out: plain rows, sorted by address.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace leakgate::capture {

struct FileMapping {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t file_offset = 0;
  std::string device_inode;  ///< "08:01 1234": one file, as the kernel lists it
  std::string path;          ///< as the process sees it, without " (deleted)"
  bool deleted = false;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;
  [[nodiscard]] bool has_file() const { return !device_inode.empty(); }
};

/// All mappings in `text`, the content of a maps file; those without a file have no device_inode, and in
/// `path` the kernel's own name for them, if any ("[heap]"). Lines that make no sense are left out.
std::vector<FileMapping> parse_all_maps(std::string_view text);

/// The threads of a process, in no order; none where it is gone.
[[nodiscard]] std::vector<std::int32_t> tasks_of(std::int32_t pid);

/// The thread of process `pid` whose number stands for its memory in /proc and in system calls: `pid` itself,
/// or one that has outlived the main thread, whose own number has none then. `pid` where there is none.
std::int32_t task_with_memory(std::int32_t pid);

/// All mappings of the process that the thread `task` is of. Fails (not_found) if it has none: it is gone.
Result<std::vector<FileMapping>> read_all_maps(std::int32_t task);

/// The executable file mappings in `text`, the content of a maps file, and the vDSO (path "[vdso]", no file).
/// Lines that make no sense are left out.
std::vector<FileMapping> parse_maps(std::string_view text);

/// Those of read_all_maps() that parse_maps() gives. Fails like it.
Result<std::vector<FileMapping>> read_maps(std::int32_t task);

}  // namespace leakgate::capture
