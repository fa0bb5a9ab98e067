// SPDX-License-Identifier: Apache-2.0
// The part of the register scenario that depends on the processor: see roots.h.
#include <linux/futex.h>
#include <sys/syscall.h>

#include "simulator/scenarios/roots.h"

namespace leakgate::simulator {

void wait_with_register(std::uintptr_t hidden, std::uint32_t& ready, const std::uint32_t& may_end) {
  const void* word = &ready;
  register long timeout asm("r10") = 0;
  asm volatile(
      "notq %%rbx\n"
      "movl $1, (%%rdi)\n"
      "movl %[call], %%eax\n"
      "movl %[wake], %%esi\n"
      "movl $1, %%edx\n"
      "syscall\n"
      "movq %[may_end], %%rdi\n"
      "1: movl %[call], %%eax\n"
      "movl %[wait], %%esi\n"
      "xorl %%edx, %%edx\n"
      "syscall\n"
      "cmpl $0, (%%rdi)\n"
      "je 1b\n"
      "notq %%rbx\n"
      : "+b"(hidden), "+D"(word)
      : [call] "i"(SYS_futex), [wake] "i"(FUTEX_WAKE_PRIVATE), [wait] "i"(FUTEX_WAIT_PRIVATE),
        [may_end] "r"(&may_end), "r"(timeout)
      : "rax", "rcx", "rdx", "rsi", "r11", "memory", "cc");
}

}  // namespace leakgate::simulator
