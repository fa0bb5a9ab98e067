// SPDX-License-Identifier: Apache-2.0
// Runs that would harm each other's targets: the preload backend writes jumps into the memory of its
// processes, and a probe of the kernel's, which stands in every process that maps the file, would overwrite
// one of them and put the file's own byte in its place when it goes. Who changes code says so by a read lock
// (of the open file description, so that it ends with the run) on a byte far behind any file's end.
#pragma once

#include <string>

#include "harness/base/descriptor.h"

namespace leakgate::capture {

/// Says that the code of the file at `path` is changed in memory, as long as what is returned is open. Not
/// open where the file cannot be locked, as on some network file systems: then nobody is warned.
Descriptor lock_code(const std::string& path);

/// Whether another run has changed the file's code in memory.
bool is_code_locked(const std::string& path);

}  // namespace leakgate::capture
