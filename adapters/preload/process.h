// SPDX-License-Identifier: Apache-2.0
// What the start of a process needs from the other parts.
#pragma once

#include "adapters/preload/state.h"

namespace leakgate::preload {

// ---- vdso.cpp ----
/// The kernel's clock_gettime, in the image that it maps at `base`; 0: it has none.
u64 find_vdso_clock(u64 base);

/// Where detours call, see entries_x86_64.cpp.
extern "C" void lg_detour_entry();
extern "C" void lg_site_entry();
extern "C" void lg_site_free();
/// Where adapters ask.
extern "C" void lg_query_entry(const lg_query*);

/// Does to this process's memory what leakgate wrote down for it.
void apply_patches();
/// Has forks that the C library makes told of by parent and child.
void watch_forks();
/// A place for the child that this thread is about to fork, and the test that is open now.
void reserve_child();
/// Waits until the child is in its place.
void await_child();
/// It was not forked.
void give_up_child();
/// The calling thread, the only one of a forked child, is on the stack that was its parent's.
void inherit_stack(u64 low, u64 high);

}  // namespace leakgate::preload
