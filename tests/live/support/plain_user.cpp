// SPDX-License-Identifier: Apache-2.0
// The filter refuses what Docker's default profile refuses to a container without capabilities. That profile
// is a list of what is allowed; here it is turned round, as far as a program could want it.
#include "tests/live/support/plain_user.h"

#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

namespace leakgate::live {
namespace {

constexpr unsigned kNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

constexpr int kRefused[] = {SYS_bpf,
                            SYS_perf_event_open,
                            SYS_fanotify_init,
                            SYS_mount,
                            SYS_umount2,
                            SYS_move_mount,
                            SYS_open_tree,
                            SYS_fsopen,
                            SYS_fsconfig,
                            SYS_fsmount,
                            SYS_fspick,
                            SYS_mount_setattr,
                            SYS_unshare,
                            SYS_setns,
                            SYS_pivot_root,
                            SYS_chroot,
                            SYS_open_by_handle_at,
                            SYS_userfaultfd,
                            SYS_keyctl,
                            SYS_add_key,
                            SYS_request_key,
                            SYS_io_uring_setup,
                            SYS_io_uring_enter,
                            SYS_io_uring_register,
                            SYS_init_module,
                            SYS_finit_module,
                            SYS_delete_module,
                            SYS_kexec_load,
                            SYS_reboot,
                            SYS_swapon,
                            SYS_swapoff,
                            SYS_quotactl,
                            SYS_syslog,
                            SYS_acct,
                            SYS_settimeofday,
                            SYS_clock_settime,
                            SYS_sethostname,
                            SYS_setdomainname,
                            SYS_vhangup,
                            SYS_get_mempolicy,
                            SYS_set_mempolicy,
                            SYS_mbind,
                            SYS_move_pages,
                            SYS_pidfd_getfd,
                            SYS_process_madvise};

sock_filter statement(unsigned code, unsigned operand) {
  return {static_cast<unsigned short>(code), 0, 0, operand};
}

/// Skips `count` statements where the value at hand is not `operand`.
sock_filter unless_equal(unsigned operand, unsigned char count) {
  return {BPF_JMP | BPF_JEQ | BPF_K, 0, count, operand};
}

void install_filter() {
  std::vector<sock_filter> code = {statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const int number : kRefused) {
    code.push_back(unless_equal(static_cast<unsigned>(number), 1));
    code.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  }
  // its flags cannot be looked at, so that callers are sent back to clone
  code.push_back(unless_equal(SYS_clone3, 1));
  code.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  code.push_back(unless_equal(SYS_clone, 3));
  code.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)));
  code.push_back({BPF_JMP | BPF_JSET | BPF_K, 0, 1, kNamespaces});
  code.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  code.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(98);
}

}  // namespace

void become_plain_user(uid_t user) {
  if (geteuid() == 0 &&
      (setgroups(0, nullptr) != 0 || setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0))
    _exit(97);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(96);
  (void)unshare(CLONE_NEWUSER);  // where that is not allowed, the machine is as strict without
  // a capability in a namespace of one's own is none that a container has
  for (unsigned long capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; ++capability) {
  }
  install_filter();
}

}  // namespace leakgate::live
