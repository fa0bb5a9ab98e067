// SPDX-License-Identifier: Apache-2.0
// Closing links: the kernel waits some grace periods for each, 50 to 200 ms. In: links. Out: nothing, sooner.
#pragma once

#include <sys/types.h>

#include <vector>

struct bpf_link;

namespace leakgate::capture {

/// Closes all links and waits until no program runs any more; side by side, so that they wait for the same
/// grace periods.
void close_and_wait(std::vector<bpf_link*>& links);

/// Closes all links without waiting: a child process holds them until the kernel is done, while the caller
/// goes on. For when no traced process is left who could hit a probe. Returns that child, which ends when no
/// probe stands any more; -1 where there is none, as no process was to be had and it was waited for.
pid_t close_behind(std::vector<bpf_link*>& links);

/// Waits until the child of close_behind() has ended, some seconds at most.
void wait_for_closer(pid_t closer);

}  // namespace leakgate::capture
