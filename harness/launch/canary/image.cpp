// SPDX-License-Identifier: Apache-2.0
// The canary program, carried inside leakgate: it needs no place on disk that the target's namespace may not
// have.
#include "harness/launch/canary/image.h"

// LEAKGATE_CANARY_PROGRAM is the path of the built program.
asm(".pushsection .rodata\n"
    ".balign 16\n"
    ".globl leakgate_canary_begin, leakgate_canary_end\n"
    ".hidden leakgate_canary_begin, leakgate_canary_end\n"
    "leakgate_canary_begin:\n"
    ".incbin \"" LEAKGATE_CANARY_PROGRAM
    "\"\n"
    "leakgate_canary_end:\n"
    ".popsection\n");

extern "C" {
extern const std::byte leakgate_canary_begin[];
extern const std::byte leakgate_canary_end[];
}

namespace leakgate::launch {

std::span<const std::byte> canary_image() {
  return {leakgate_canary_begin, leakgate_canary_end};
}

}  // namespace leakgate::launch
