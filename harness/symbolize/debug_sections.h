// SPDX-License-Identifier: Apache-2.0
// Compressed debug sections, made ready for libdw. In: an ELF file as libelf holds it in memory. Out: the
// same with those sections decompressed that are read here. libelf would decompress them all, by zlib, in
// three times the time; see docs/decisions/0074.
#pragma once

#include <libelf.h>

#include <vector>

#include "harness/base/page_buffer.h"

namespace leakgate::symbolize {

/// What sections were decompressed into; must outlive the handle that they belong to.
using SectionBuffers = std::vector<PageBuffer>;

/// To be called before libdw sees the handle. What is damaged, or compressed in another way, is left to
/// libelf as it is. The sizes that the sections claim must have been checked. `in_hurry`: by two threads
/// where that is worth it.
[[nodiscard]] SectionBuffers decompress_debug_sections(Elf* elf, bool in_hurry);

}  // namespace leakgate::symbolize
