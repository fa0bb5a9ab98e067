// SPDX-License-Identifier: Apache-2.0
// Which shared objects the dynamic linker would load for a program, found without running it.
// In: the program's ElfImage and what its environment says. Out: absolute paths. Used to place probes before
// exec; a wrong answer costs speed, never correctness, so odd cases (dlopen, audit libraries, secure mode)
// are left out.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "harness/base/elf_image.h"
#include "harness/base/result.h"

namespace leakgate {

/// What decides where libraries are found, beside the files themselves.
struct SearchEnvironment {
  std::string ld_preload;         ///< LD_PRELOAD as the program will see it
  std::string ld_library_path;    ///< LD_LIBRARY_PATH as the program will see it
  std::string working_directory;  ///< relative paths in those start here; empty: this process's own
  std::string cache_path = "/etc/ld.so.cache";
  std::vector<std::string> default_directories = {
      "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"};
  /// glibc-hwcaps subdirectories this processor can use, best first.
  std::vector<std::string> hwcaps = supported_hwcaps();

  /// "x86-64-v4", "x86-64-v3", "x86-64-v2": those this processor supports.
  static std::vector<std::string> supported_hwcaps();
};

/// The objects that would be loaded, in load order: preloaded ones first, then breadth first from `exe`, its
/// interpreter last. `exe` itself is not among them; a static program has none. Each path is absolute and
/// stands once; libraries that cannot be found are left out. Fails with usage if `exe` has no absolute path
/// and the working directory is unknown.
Result<std::vector<std::string>> resolve_libraries(const ElfImage& exe, const SearchEnvironment& env);

}  // namespace leakgate
