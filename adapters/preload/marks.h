// SPDX-License-Identifier: Apache-2.0
// What detours lead to.
#pragma once

#include "adapters/preload/state.h"

namespace leakgate::preload {

enum Moments : u32 { kMomentsNone = 0, kMomentsExits = 1, kMomentsTests = 2 };

/// A framework's function was entered with `registers` (enum lg_register).
void hit_mark(const u64* registers, u32 number);
/// Whether the mark has nothing to say here: most are assertions that hold.
bool is_idle_mark(const u64* registers, u32 number);
/// An adapter in the process says or asks something.
void hit_query(const u64* registers, const lg_query* asked);
/// Copies a text of this process that may not be there.
void copy_string(char* out, u32 room, u64 from);

}  // namespace leakgate::preload
