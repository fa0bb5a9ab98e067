// SPDX-License-Identifier: Apache-2.0
// Memory that an allocation function has in hand while its process is held: no block at this moment, in no
// report, but what it holds counts. In: what threads say of it, which need not be true. Out: further blocks.
#pragma once

#include "harness/model/held_process.h"

namespace leakgate::capture {

/// Adds the memory in hand of `view.threads` to `view.blocks`, which are sorted by address; what is in no
/// mapping, or in a block, is left out.
void add_in_hand(model::HeldProcess& view);

}  // namespace leakgate::capture
