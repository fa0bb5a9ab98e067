// SPDX-License-Identifier: Apache-2.0
// Fetches a debug file through libdebuginfod, loaded only when asked for, so that leakgate does not depend on
// it. A network client has no business in a process with privileges: it runs in a child that gave them up.
// Whether asking is allowed is decided by the caller (debug_file.cpp).
#pragma once

#include <functional>
#include <string>

#include "harness/base/descriptor.h"

namespace leakgate::symbolize {

/// Makes the calling process that of the user who asks, environment included; 0 or an errno. Called in a
/// child, after a fork.
using BecomeUser = std::function<int()>;

/// The debug file for `build_id` (hex), and where it was put in the cache; none if the library or the file is
/// not there, or `become` fails. Blocks as long as the library's own time limit (DEBUGINFOD_TIMEOUT), and no
/// longer than some minutes.
[[nodiscard]] Descriptor fetch_from_debuginfod(const std::string& build_id, const BecomeUser& become,
                                               std::string& path);

}  // namespace leakgate::symbolize
