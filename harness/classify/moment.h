// SPDX-License-Identifier: Apache-2.0
// Classifies a process at a judged moment. In: the held process. Out: each block's kind; where asked for,
// groups with cycle, type and chain of holders. The one place that decides what a block's kind is.
#pragma once

#include "harness/classify/graph_input.h"
#include "harness/model/held_process.h"

namespace leakgate::classify {

/// What the user may choose.
struct ClassifyOptions {
  InteriorPointers interior = InteriorPointers::possible;
  std::uint64_t pointer_mask = ~std::uint64_t{0};  ///< bits of a pointer that are its address
  unsigned threads = 0;                            ///< 0: one per processor
};

/// Never fails: what cannot be read counts as unreadable and holds nothing.
model::MomentFindings classify_held(const model::HeldProcess& held, bool with_groups,
                                    const ClassifyOptions& options = {});

}  // namespace leakgate::classify
