// SPDX-License-Identifier: Apache-2.0
// launch_driver [--copy PATH]... [--timeout-ms N] [--grace-ms N] [--as-root] [--hold] [--soil] -- COMMAND...
// Starts a command through the launch stage with the loop the pipeline uses, and ends as it ended. --hold
// stays before the release and prints the child's pid; --soil first changes everything of its own that must
// not reach the command.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "harness/launch/caller_state.h"
#include "harness/launch/signal_relay.h"
#include "harness/launch/target.h"
#include "harness/launch/time_limit.h"

namespace launch = leakgate::launch;

namespace {

int report(const leakgate::Error& error) {
  std::fprintf(stderr, "error: %s\nhint: %s\n", error.message.c_str(), error.hint.c_str());
  if (error.kind == leakgate::ErrorKind::not_found) return 127;
  return error.kind == leakgate::ErrorKind::not_executable ? 126 : 125;
}

void soil() {
  for (const int number : {SIGPIPE, SIGHUP, SIGCHLD, SIGTTOU})
    std::signal(number, SIG_IGN);
  std::signal(SIGSEGV, [](int) {});
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  umask(0);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_cur > 100 ? limit.rlim_cur - 1 : limit.rlim_cur;
  setrlimit(RLIMIT_NOFILE, &limit);
  setenv("LEAKGATE_SOILED", "1", 1);
  if (open("/dev/null", O_RDONLY) < 0 || open("/proc/self/maps", O_RDONLY) < 0)
    std::abort();  // not close-on-exec
}

int run(launch::Target& target, const launch::SignalRelay& relay, std::optional<launch::TimeLimit>& limit) {
  for (;;) {
    pollfd watched[3] = {
        {target.pidfd(), POLLIN, 0}, {relay.fd(), POLLIN, 0}, {limit ? limit->fd() : -1, POLLIN, 0}};
    if (poll(watched, 3, -1) < 0) continue;
    if (watched[1].revents != 0) {
      if (auto relayed = relay.forward(target); !relayed) return report(relayed.error());
    }
    if (limit && watched[2].revents != 0) {
      if (auto status = limit->act(target); !status) return report(status.error());
    }
    auto ended = target.poll_exit();
    if (!ended) return report(ended.error());
    if (!*ended) continue;
    if (limit && limit->is_hit()) std::fprintf(stderr, "timed out\n");
    return (*ended)->code ? *(*ended)->code : 128 + *(*ended)->signal;
  }
}

}  // namespace

int main(int argc, char** argv) {
  launch::LaunchRequest request;
  request.caller = launch::CallerState::capture();
  long timeout_ms = 0;
  long grace_ms = 5000;
  bool hold_only = false;
  int at = 1;
  for (; at < argc && std::string(argv[at]) != "--"; ++at) {
    const std::string option = argv[at];
    if (option == "--copy" && at + 1 < argc) request.private_copies.push_back({argv[++at]});
    if (option == "--timeout-ms" && at + 1 < argc) timeout_ms = std::atol(argv[++at]);
    if (option == "--grace-ms" && at + 1 < argc) grace_ms = std::atol(argv[++at]);
    if (option == "--as-root") request.as_root = true;
    if (option == "--hold") hold_only = true;
    if (option == "--soil") soil();
  }
  for (++at; at < argc; ++at)
    request.argv.emplace_back(argv[at]);

  auto relay = launch::SignalRelay::open();
  if (!relay) return report(relay.error());
  auto target = launch::Target::hold(request);
  if (!target) return report(target.error());
  if (!request.private_copies.empty() && !target->has_private_copies()) {
    std::fprintf(stderr, "no private copies: %s\n", target->private_copies_refusal().c_str());
  }
  if (hold_only) {
    std::printf("%d\n", target->pid());
    std::fflush(stdout);
    for (;;)
      pause();
  }
  if (auto status = target->release(); !status) return report(status.error());
  if (target->runs_through_shell()) std::fprintf(stderr, "runs through /bin/sh\n");
  std::optional<launch::TimeLimit> limit;
  if (timeout_ms > 0) {
    auto started =
        launch::TimeLimit::start(std::chrono::milliseconds(timeout_ms), std::chrono::milliseconds(grace_ms));
    if (!started) return report(started.error());
    limit = std::move(*started);
  }
  return run(*target, *relay, limit);
}
