// SPDX-License-Identifier: Apache-2.0
// Where the C library and test frameworks keep the signal actions that were set before theirs. glibc's
// sigaction copies 128 bytes of a signal mask, of which the kernel has written 8: the others are whatever lay
// on the stack, addresses of lost blocks among them. In: an ELF image. Out: places in its data.
#pragma once

#include <vector>

#include "harness/base/elf_image.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {

/// In the file's own address space; empty where there are none, or none that are known.
std::vector<model::MemoryRange> find_old_actions(const ElfImage& image);

}  // namespace leakgate::capture
