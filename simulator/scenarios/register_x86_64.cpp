// SPDX-License-Identifier: Apache-2.0
// The part of the register scenario that depends on the processor: see roots.h.
#include <linux/futex.h>
#include <sys/syscall.h>

#include "simulator/scenarios/roots.h"

namespace leakgate::simulator {

void wait_with_register(std::uintptr_t hidden, const std::uint32_t& word) {
  register long timeout asm("r10") = 0;
  asm volatile(
      "notq %%rbx\n"
      "1: movl %[call], %%eax\n"
      "syscall\n"
      "cmpl $0, (%%rdi)\n"
      "je 1b\n"
      "notq %%rbx\n"
      : "+b"(hidden)
      : [call] "i"(SYS_futex), "D"(&word), "S"(long{FUTEX_WAIT_PRIVATE}), "d"(0L), "r"(timeout)
      : "rax", "rcx", "r11", "memory", "cc");
}

}  // namespace leakgate::simulator
