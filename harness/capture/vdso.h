// SPDX-License-Identifier: Apache-2.0
// The vDSO as a file: the kernel maps the same pages into every process of the machine, and no file has them.
// In: nothing. Out: a descriptor that ELF readers take.
#pragma once

#include "harness/base/descriptor.h"
#include "harness/base/result.h"

namespace leakgate::capture {

/// Its name in /proc/PID/maps, and of its module.
inline constexpr const char* kVdsoName = "[vdso]";

/// A copy of this process's own vDSO in anonymous memory. Fails (not_found) where the kernel gives none, (io)
/// when it cannot be copied.
Result<Descriptor> copy_vdso();

}  // namespace leakgate::capture
