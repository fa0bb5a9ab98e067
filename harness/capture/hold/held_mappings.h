// SPDX-License-Identifier: Apache-2.0
// The address space of a held process, as classify wants it. In: rows of /proc/PID/maps and the modules known
// to stand there. Out: model::HeldMapping, in which what is a module's and what is not are apart.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/capture/modules.h"
#include "harness/capture/process_maps.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {

/// Adds `row` behind those added before, which are in the order of their addresses. `module_end`: where the
/// memory of the module ends that the last row with one belongs to, 0 for none. What the module has behind
/// its file is told to be its own, and no more: the kernel joins .bss with what happens to lie right behind
/// it: the heap, where addresses are not randomized, or the loader's memory for thread-local storage. They
/// are parted again.
void add_held_mapping(std::vector<model::HeldMapping>& to, model::HeldMapping row, std::uint64_t module_end);

/// All of `maps`, which are in the order of their addresses. Sets `own_allocator` where a module is there
/// that allocates instead of the C library.
std::vector<model::HeldMapping> held_mappings(const std::vector<FileMapping>& maps,
                                              const ModuleTable& modules, bool& own_allocator);

}  // namespace leakgate::capture
