// SPDX-License-Identifier: Apache-2.0
// Passing signals on. See signal_relay.h.
#include "harness/launch/signal_relay.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <array>

namespace leakgate::launch {
namespace {

constexpr std::array kRelayed = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};

}  // namespace

bool must_forward(int number, int si_code, pid_t own_group, pid_t target_group, bool own_is_session_leader) {
  if (si_code != SI_KERNEL) return true;  // somebody's kill, addressed to leakgate
  if (number == SIGALRM) return true;
  // When a line hangs up, the session's leader is told, and nobody else.
  if (number == SIGHUP && own_is_session_leader) return true;
  return own_group != target_group;
}

Result<SignalRelay> SignalRelay::open() {
  SignalRelay relay;
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : kRelayed)
    sigaddset(&signals, number);
  relay.fd_.reset(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!relay.fd_) return system_error(ErrorKind::io, "cannot watch for signals", errno);
  const int code = pthread_sigmask(SIG_BLOCK, &signals, &relay.former_mask_);
  if (code != 0) return system_error(ErrorKind::io, "cannot block signals", code);
  return relay;
}

SignalRelay::SignalRelay(SignalRelay&& other) noexcept
    : fd_(std::move(other.fd_)), former_mask_(other.former_mask_) {}

SignalRelay::~SignalRelay() {
  if (fd_) pthread_sigmask(SIG_SETMASK, &former_mask_, nullptr);
}

Result<std::vector<RelayedSignal>> SignalRelay::forward(const Target& target) const {
  std::vector<RelayedSignal> result;
  signalfd_siginfo info{};
  for (;;) {
    const ssize_t count = read(fd_.get(), &info, sizeof info);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) return system_error(ErrorKind::io, "cannot read signals", errno);
    if (count != static_cast<ssize_t>(sizeof info)) return result;
    const int number = static_cast<int>(info.ssi_signo);
    const bool sent =
        must_forward(number, info.ssi_code, getpgrp(), getpgid(target.pid()), getsid(0) == getpid());
    if (sent) {
      if (auto status = target.send_signal(number); !status) return std::move(status).error();
    }
    result.push_back({number, sent});
  }
}

}  // namespace leakgate::launch
