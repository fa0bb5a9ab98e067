// SPDX-License-Identifier: Apache-2.0
// Limits and times of leakgate's own process; see own_process.h.
#include "harness/pipeline/own_process.h"

#include <algorithm>

namespace leakgate::pipeline {

void allow_more_open_files() {
  constexpr rlim_t kEnough = 262'144;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= kEnough) return;
  rlimit more{kEnough, std::max(files.rlim_max, kEnough)};
  if (::setrlimit(RLIMIT_NOFILE, &more) == 0) return;
  files.rlim_cur = std::min(files.rlim_max, kEnough);  // without privileges this is all there is
  (void)::setrlimit(RLIMIT_NOFILE, &files);
}

double children_s() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

}  // namespace leakgate::pipeline
