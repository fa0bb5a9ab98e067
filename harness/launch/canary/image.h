// SPDX-License-Identifier: Apache-2.0
// The bytes of the canary program, an ELF file.
#pragma once

#include <cstddef>
#include <span>

namespace leakgate::launch {

std::span<const std::byte> canary_image();

}  // namespace leakgate::launch
