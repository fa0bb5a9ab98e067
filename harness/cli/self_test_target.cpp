// SPDX-License-Identifier: Apache-2.0
// The program doctor traces. Each allocation function leaves one block of its own size behind, so that doctor
// can tell from the recording which probes were hit.
#include <malloc.h>

#include <cstdlib>

#include "harness/cli/cli.h"

namespace leakgate::cli {
namespace {

/// Keeps a block reachable for nobody and its allocation from being optimised away.
void drop(void* block) {
  void* volatile sink = block;
  sink = nullptr;
  (void)sink;
}

}  // namespace

int run_self_test_target() {
  drop(std::malloc(1001));
  drop(std::calloc(2, 501));
  drop(std::realloc(std::malloc(1), 1003));
  drop(::reallocarray(std::malloc(1), 4, 251));
  drop(std::aligned_alloc(64, 1024));
  void* block = nullptr;
  if (::posix_memalign(&block, 64, 1006) == 0) drop(block);
  drop(::memalign(64, 1007));
  drop(::valloc(1008));
  drop(::pvalloc(1009));
  std::free(std::malloc(1010));
  return 0;
}

}  // namespace leakgate::cli
