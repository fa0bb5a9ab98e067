// SPDX-License-Identifier: Apache-2.0
// Closing links: the kernel waits some grace periods for each, 50 to 200 ms. In: links. Out: nothing, sooner.
#pragma once

#include <vector>

struct bpf_link;

namespace leakgate::capture {

/// Closes all links and waits until no program runs any more; side by side, so that they wait for the same
/// grace periods.
void close_and_wait(std::vector<bpf_link*>& links);

/// Closes all links without waiting: a child process holds them until the kernel is done, while the caller
/// goes on. For when nobody is left who could hit a probe. Waits where there is no process to be had.
void close_behind(std::vector<bpf_link*>& links);

}  // namespace leakgate::capture
