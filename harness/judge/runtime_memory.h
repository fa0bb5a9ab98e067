// SPDX-License-Identifier: Apache-2.0
// Memory that the C and C++ runtime keeps for itself until the process ends: by rule, from the stack alone.
#pragma once

#include <string_view>
#include <vector>

#include "harness/judge/site.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

/// The C library, the dynamic linker or a part of a C++ runtime, by its module_name().
bool is_runtime_library(std::string_view module);

/// Who in the runtime made this allocation for itself ("the dynamic linker", "stdio", "the C++ runtime");
/// empty if nobody did. What a library function allocates for its caller (strdup, fopen's FILE) is the
/// caller's.
std::string_view allocating_runtime(const std::vector<model::VerdictFrame>& stack,
                                    const std::vector<FrameOwner>& owners, bool truncated);

}  // namespace leakgate::judge
