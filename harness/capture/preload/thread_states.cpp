// SPDX-License-Identifier: Apache-2.0
// PTRACE_GETREGSET gives registers of threads that stand still, and fails for others.
#include "harness/capture/preload/thread_states.h"

#include <dirent.h>
#include <elf.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <string>

#include "harness/capture/hold/held_threads.h"

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
  const std::string path = fmt::format("/proc/{}/task", pid);
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (!folder) return system_error(ErrorKind::not_found, "cannot read " + path, errno);
  std::vector<lg_thread_state> states;
  while (const dirent* const entry = ::readdir(folder.get())) {
    lg_thread_state state{};
    const char* const name = entry->d_name;
    if (std::from_chars(name, name + std::strlen(name), state.tid).ec != std::errc()) continue;
    if (state.tid == image.asker_tid)
      std::copy(std::begin(image.asker), std::end(image.asker), std::begin(state.registers));
    else
      state.running = !read_registers(static_cast<std::int32_t>(state.tid), state.registers);
    if (state.running && HeldThreads::has_ended(static_cast<std::int32_t>(state.tid))) continue;
    states.push_back(state);
  }
  std::sort(states.begin(), states.end(), [](const auto& a, const auto& b) { return a.tid < b.tid; });
  return states;
}

}  // namespace leakgate::capture
