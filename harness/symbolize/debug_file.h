// SPDX-License-Identifier: Apache-2.0
// Finds the separate debug file of a stripped module: by build id, by .gnu_debuglink, and from debuginfod
// where the user asked for that. Only a file that proves to belong to the module is taken (build id, or CRC).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/symbolize/debuginfod.h"
#include "harness/symbolize/elf_file.h"

namespace leakgate::symbolize {

/// Where separate debug files may be looked for.
struct DebugFileOptions {
  std::vector<std::string> debug_roots{"/usr/lib/debug"};
  /// debuginfod is asked only where this is given: by a child process that calls it first.
  BecomeUser become_user;
};

/// The debug file of `module`, which the traced process knew as `module_path`; null if there is none that
/// fits.
[[nodiscard]] std::unique_ptr<ElfFile> find_debug_file(const ElfFile& module, const std::string& module_path,
                                                       const DebugFileOptions& options,
                                                       const FileLimits& limits);

/// The file that holds what dwz moved out of `debug_file` (.gnu_debugaltlink); null if it is not there.
[[nodiscard]] std::unique_ptr<ElfFile> find_alternate_file(const ElfFile& debug_file,
                                                           const std::string& link_name,
                                                           const std::string& link_build_id,
                                                           const DebugFileOptions& options,
                                                           const FileLimits& limits);

}  // namespace leakgate::symbolize
