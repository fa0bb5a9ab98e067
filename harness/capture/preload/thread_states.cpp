// SPDX-License-Identifier: Apache-2.0
// PTRACE_GETREGSET gives registers of threads that stand still, and fails for others.
#include "harness/capture/preload/thread_states.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <algorithm>
#include <string>

#include "harness/capture/hold/held_threads.h"
#include "harness/capture/process_maps.h"

namespace leakgate::capture {
namespace {

bool read_registers(std::int32_t tid, __u64 (&out)[LG_REG_COUNT]) {
  user_regs_struct regs{};
  iovec room{&regs, sizeof regs};
  if (::ptrace(PTRACE_GETREGSET, tid, reinterpret_cast<void*>(std::uintptr_t{NT_PRSTATUS}), &room) != 0)
    return false;
  const std::uint64_t words[LG_REG_COUNT] = {regs.rax, regs.rbx, regs.rcx, regs.rdx, regs.rsi, regs.rdi,
                                             regs.rbp, regs.rsp, regs.r8,  regs.r9,  regs.r10, regs.r11,
                                             regs.r12, regs.r13, regs.r14, regs.r15, regs.rip, regs.fs_base};
  std::copy(std::begin(words), std::end(words), std::begin(out));
  return true;
}

}  // namespace

Result<std::vector<lg_thread_state>> list_threads(std::int32_t pid, const preload::Process& image) {
  const std::vector<std::int32_t> tasks = tasks_of(pid);
  if (tasks.empty()) return Error{ErrorKind::not_found, "the process is gone", "", 0};
  std::vector<lg_thread_state> states;
  for (const std::int32_t tid : tasks) {
    lg_thread_state state{};
    state.tid = static_cast<std::uint32_t>(tid);
    if (state.tid == image.asker_tid)
      std::copy(std::begin(image.asker), std::end(image.asker), std::begin(state.registers));
    else
      state.running = !read_registers(tid, state.registers);
    if (state.running && HeldThreads::has_ended(tid)) continue;
    states.push_back(state);
  }
  std::sort(states.begin(), states.end(), [](const auto& a, const auto& b) { return a.tid < b.tid; });
  return states;
}

}  // namespace leakgate::capture
