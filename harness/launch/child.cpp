// SPDX-License-Identifier: Apache-2.0
// From fork to exec. See child.h.
#include "harness/launch/child.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "harness/base/close_descriptors.h"
#include "harness/launch/command_path.h"

namespace leakgate::launch {
namespace {

void send_message(const ChildPlan& plan, ChildMessage message, const int* descriptors = nullptr,
                  std::size_t descriptor_count = 0) {
  message.canary = plan.canary_pid;
  iovec data{&message, sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxPrivateCopies)] = {};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (descriptor_count > 0) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count);
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
    std::memcpy(CMSG_DATA(rights), descriptors, sizeof(int) * descriptor_count);
  }
  while (sendmsg(plan.socket, &header, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

[[noreturn]] void give_up(const ChildPlan& plan, const ChildMessage& message) {
  send_message(plan, message);
  _exit(kAbandonedStatus);
}

void restore_signals(const CallerState& caller) {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    action.sa_handler = sigismember(&caller.ignored_signals, number) == 1 ? SIG_IGN : SIG_DFL;
    sigaction(number, &action, nullptr);  // refused for SIGKILL, SIGSTOP and the C library's own two
  }
  sigprocmask(SIG_SETMASK, &caller.signal_mask, nullptr);
}

void restore_limits(const CallerState& caller) {
  for (std::size_t resource = 0; resource < caller.limits.size(); ++resource) {
    rlimit now{};
    const auto which = static_cast<__rlimit_resource>(resource);
    const rlimit& then = caller.limits[resource];
    if (getrlimit(which, &now) == 0 && (now.rlim_cur != then.rlim_cur || now.rlim_max != then.rlim_max)) {
      setrlimit(which, &then);
    }
  }
}

/// The caller's limit on file sizes, put back soon, is not meant for the copies.
void lift_file_size_limit() {
  rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  if (setrlimit(RLIMIT_FSIZE, &limit) == 0 || getrlimit(RLIMIT_FSIZE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;  // without CAP_SYS_RESOURCE this is all there is
  setrlimit(RLIMIT_FSIZE, &limit);
}

void install_copies(const ChildPlan& plan, CopyOutcome& outcome) {
  if (!plan.copies) return;
  lift_file_size_limit();
  outcome = install_private_copies(*plan.copies);
  if (outcome.step == CopyStep::none) return;
  give_up(plan, {ChildMessage::What::copies_failed, outcome.code, static_cast<std::uint32_t>(outcome.mount),
                 static_cast<std::int32_t>(outcome.step)});
}

/// In the target's namespace, and before limits and rights become the target's: they are not meant for it.
void start_canary(ChildPlan& plan) {
  if (plan.canary.image < 0) return;
  close(plan.canary.parent_socket);
  plan.canary_pid = fork_canary(plan.canary);
  close(plan.canary.socket);
  close(plan.canary.image);
}

void wait_for_release(const ChildPlan& plan) {
  char go = 0;
  ssize_t count = 0;
  do {
    count = recv(plan.socket, &go, sizeof go, 0);
  } while (count < 0 && errno == EINTR);
  if (count != 1) _exit(kAbandonedStatus);
}

}  // namespace

void run_child(ChildPlan& plan) {
  close(plan.parent_socket);
  restore_signals(*plan.caller);
  CopyOutcome copies;
  install_copies(plan, copies);
  start_canary(plan);
  restore_limits(*plan.caller);
  if (const int code = become(plan.identity)) {
    give_up(plan, {ChildMessage::What::identity_failed, code, 0, 0});
  }
  // Found with the target's own rights, in its own namespace: what it may not see, it cannot be started from.
  const CommandSearch found = search_command(plan.candidates.data(), plan.candidates.size(), plan.has_slash);
  const auto index = static_cast<std::uint32_t>(found.index);
  if (found.code != 0) give_up(plan, {ChildMessage::What::not_found, found.code, index, 0});
  send_message(plan, {ChildMessage::What::ready, 0, index, 0}, copies.descriptors.data(),
               plan.copies ? plan.copies->contents : 0);
  wait_for_release(plan);

  // A library may have opened something without O_CLOEXEC; what was not the caller's does not reach the
  // target.
  for (const auto& [first, last] : plan.close_ranges) {
    close_descriptors_on_exec(first, last);
  }
  umask(plan.caller->file_mode_mask);
  const char* const path = plan.candidates[found.index];
  execve(path, plan.argv.data(), plan.envp.data());
  int code = errno;
  if (code == ENOEXEC && looks_like_shell_script(path)) {
    // As execvp does, and with it env, nice and the shells.
    send_message(plan, {ChildMessage::What::using_shell, 0, 0, 0});
    plan.shell_argv[1] = const_cast<char*>(path);
    execve(plan.shell_argv[0], plan.shell_argv.data(), plan.envp.data());
    code = errno;
  }
  give_up(plan, {ChildMessage::What::exec_failed, code, index, 0});
}

}  // namespace leakgate::launch
