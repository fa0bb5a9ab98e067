// SPDX-License-Identifier: Apache-2.0
// A descriptor ends it, which a poll cannot miss: in glibc before 2.41 a condition variable can (its bug
// 25847), and a run that waits for its own thread would never end.
#include "harness/capture/heart.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>
#include <utility>

namespace leakgate::capture {
namespace {

constexpr int kBeatMs = 200;

}  // namespace

Result<std::unique_ptr<Heart>> Heart::start(Session& session, std::function<void()> at_each_beat) {
  Descriptor stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop) return system_error(ErrorKind::io, "cannot make a descriptor for the end of a thread", errno);
  std::unique_ptr<Heart> heart(new Heart(session, std::move(at_each_beat), std::move(stop)));
  try {
    heart->thread_ = std::thread([heart = heart.get()] { heart->run(); });
  } catch (const std::system_error& error) {
    return system_error(ErrorKind::io, "cannot start a thread", error.code().value(), "see ulimit -u");
  }
  return heart;
}

Heart::Heart(Session& session, std::function<void()> at_each_beat, Descriptor stop)
    : session_(session), at_each_beat_(std::move(at_each_beat)), stop_(std::move(stop)) {}

Heart::~Heart() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

void Heart::run() const {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  pollfd stop{stop_.get(), POLLIN, 0};
  do {
    session_.beat();
    at_each_beat_();
  } while (::poll(&stop, 1, kBeatMs) <= 0);
}

}  // namespace leakgate::capture
