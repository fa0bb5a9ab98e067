// SPDX-License-Identifier: Apache-2.0
// Whether /proc tells of the processes that this one sees: without it everything that is read of a process
// fails, each time with another reason.
#pragma once

#include <string>

#include "harness/base/result.h"

namespace leakgate {

/// Fails with unsupported where nothing is mounted at `folder`, or the process list of another pid namespace.
Status check_proc_folder(const std::string& folder = "/proc");

}  // namespace leakgate
