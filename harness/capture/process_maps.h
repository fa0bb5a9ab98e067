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

/// All mappings of a process. Fails (not_found) if it is gone.
Result<std::vector<FileMapping>> read_all_maps(std::int32_t pid);

/// The executable file mappings in `text`, the content of a maps file, and the vDSO (path "[vdso]", no file).
/// Lines that make no sense are left out.
std::vector<FileMapping> parse_maps(std::string_view text);

/// The executable file mappings of a process. Fails (not_found) if it is gone.
Result<std::vector<FileMapping>> read_maps(std::int32_t pid);

}  // namespace leakgate::capture
