// SPDX-License-Identifier: Apache-2.0
// Fetches a debug file through libdebuginfod, loaded only when asked for, so that leakgate does not depend on
// it. Whether asking is allowed is decided by the caller (debug_file.cpp).
#pragma once

#include <string>

#include "harness/base/descriptor.h"

namespace leakgate::symbolize {

/// The debug file for `build_id` (hex), and where it was put in the cache; none if the library or the file is
/// not there. Blocks as long as the library's own time limit (DEBUGINFOD_TIMEOUT).
[[nodiscard]] Descriptor fetch_from_debuginfod(const std::string& build_id, std::string& path);

}  // namespace leakgate::symbolize
