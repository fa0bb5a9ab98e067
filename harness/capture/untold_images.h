// SPDX-License-Identifier: Apache-2.0
// Process images that a backend gave a number and that never told of themselves: killed on the way, or never
// forked after all. Nothing is known of them, so nothing is said.
#pragma once

#include "harness/model/trace.h"

namespace leakgate::capture {

/// Takes them out of the trace, and gives the others, in their order, the numbers that follow.
void drop_untold_images(model::Trace& trace);

}  // namespace leakgate::capture
