// SPDX-License-Identifier: Apache-2.0
// What a run changes and reads of leakgate's own process: priority, limit of open files, processor time.
#pragma once

#include <sys/resource.h>

namespace leakgate::pipeline {

/// Our own priority as it was, so that the target of a further run does not inherit the run loop's.
class PriorityKept {
 public:
  PriorityKept() = default;
  ~PriorityKept() { (void)::setpriority(PRIO_PROCESS, 0, before_); }
  PriorityKept(const PriorityKept&) = delete;
  PriorityKept& operator=(const PriorityKept&) = delete;

 private:
  int before_ = ::getpriority(PRIO_PROCESS, 0);
};

/// A descriptor is kept for each process of the run, and those are often more than the 1,024 that a shell
/// allows. The target gets the caller's own limit.
void allow_more_open_files();

/// Processor time of the processes that were waited for, ours and theirs, in seconds.
double children_s();

}  // namespace leakgate::pipeline
