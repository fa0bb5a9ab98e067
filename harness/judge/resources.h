// SPDX-License-Identifier: Apache-2.0
// Calls of the C library that hand out more than memory: what is leaked with the block, and how it is given
// back.
#pragma once

#include <string_view>

#include "harness/model/verdict.h"

namespace leakgate::judge {

/// One sentence on how to give back what `leak` stands for; empty where it is memory alone. A constant.
[[nodiscard]] std::string_view resource_advice(const model::Leak& leak);

}  // namespace leakgate::judge
