// SPDX-License-Identifier: Apache-2.0
// Whether a program will load the preloaded library, as far as its file tells. In: a process, or what the
// library says of an exec that is about to be. Does not say that it did: that the library does itself.
#pragma once

#include <cstdint>

#include "adapters/preload/shared_layout.h"

namespace leakgate::capture {

enum class Loading {
  unknown,     ///< it could not be looked at, or not all that matters
  possible,    ///< the GNU dynamic linker starts it, and obeys its environment
  impossible,  ///< nothing loads libraries for it, or nobody may look at it, as with one that is set-uid
};

/// What runs in a process.
struct RunningProgram {
  Loading loading = Loading::unknown;
  std::uint64_t device = 0, file = 0;  ///< which one it is; 0: not known
  bool gone = false;                   ///< the process is ending, or has
};
RunningProgram look_at_program(std::int32_t pid);

/// What the process is about to become. It must wait meanwhile.
Loading loading_of(std::int32_t pid, const preload::NextProgram& next);

}  // namespace leakgate::capture
