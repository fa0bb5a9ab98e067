// SPDX-License-Identifier: Apache-2.0
// Mini debug information: the xz-compressed ELF file inside .gnu_debugdata, which holds the local functions'
// symbols of an otherwise stripped file. In: the section's bytes. Out: an ElfFile in memory, or nothing.
#pragma once

#include <memory>

#include "harness/symbolize/elf_file.h"

namespace leakgate::symbolize {

/// The mini debug file of `file`; null if it has none, if it is damaged, or beyond `limits`.
[[nodiscard]] std::unique_ptr<ElfFile> open_mini_debug(const ElfFile& file, const FileLimits& limits);

}  // namespace leakgate::symbolize
