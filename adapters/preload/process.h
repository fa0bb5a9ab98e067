// SPDX-License-Identifier: Apache-2.0
// What the start of a process needs from the other parts.
#pragma once

#include "adapters/preload/state.h"

namespace leakgate::preload {

/// Where detours call, see entries_x86_64.cpp.
extern "C" void lg_detour_entry();
/// Where adapters ask.
extern "C" void lg_query_entry(const lg_query*);

/// Does to this process's memory what leakgate wrote down for it.
void apply_patches();
/// Notes, at each fork, which test is open.
void watch_forks();
/// The calling thread, the only one of a forked child, is on the stack that was its parent's.
void inherit_stack(u64 low, u64 high);

}  // namespace leakgate::preload
