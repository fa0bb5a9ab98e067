// SPDX-License-Identifier: Apache-2.0
// Closing what a forked child is not to have, by close_range; and one by one where a sandbox or an old kernel
// does not know that. System calls alone: safe after a fork.
#pragma once

namespace leakgate {

/// Closes the descriptors from `first` to `last`.
void close_descriptors(unsigned first, unsigned last);
/// Has exec close them.
void close_descriptors_on_exec(unsigned first, unsigned last);

}  // namespace leakgate
