// SPDX-License-Identifier: Apache-2.0
// The plug-in of live_dlopen: its static constructor and plugin_leak() allocate.
#include <cstdlib>

#include "common.h"

namespace {

/// Lost when the library is unloaded: there is no destructor.
struct Constructed {
  Constructed() : block(std::malloc(220)) { live_keep(block); }
  void* block;
};

Constructed constructed;

}  // namespace

extern "C" LIVE_NOINLINE void plugin_leak() {
  live_keep(std::malloc(221));
}

namespace {

void* volatile kept;

}  // namespace

/// Known to a global variable of the library alone.
extern "C" LIVE_NOINLINE void plugin_keep(std::size_t bytes) {
  kept = std::malloc(bytes);
}
