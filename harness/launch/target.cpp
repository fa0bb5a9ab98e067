// SPDX-License-Identifier: Apache-2.0
// The parent's half of launching. See target.h; the child's half is child.cpp.
#include "harness/launch/target.h"

#include <fmt/format.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "harness/launch/child.h"
#include "harness/launch/command_path.h"

namespace leakgate::launch {
namespace {

/// The next message and the descriptors that came with it; nothing at end of file.
std::optional<ChildMessage> receive(int socket, std::vector<Descriptor>& descriptors) {
  ChildMessage message;
  iovec data{&message, sizeof message};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxPrivateCopies)> control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t count = 0;
  do {
    count = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  if (count != static_cast<ssize_t>(sizeof message)) return std::nullopt;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    std::vector<int> numbers((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(numbers.data(), CMSG_DATA(part), numbers.size() * sizeof(int));
    for (const int fd : numbers)
      descriptors.emplace_back(fd);
  }
  return message;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& text : strings)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// The ranges between the caller's descriptors: everything there is leakgate's.
std::vector<std::pair<unsigned, unsigned>> ranges_outside(const std::vector<int>& descriptors) {
  std::vector<std::pair<unsigned, unsigned>> result;
  unsigned next = 0;
  for (const int fd : descriptors) {
    const auto number = static_cast<unsigned>(fd);
    if (number > next) result.emplace_back(next, number - 1);
    next = number + 1;
  }
  result.emplace_back(next, ~0u);
  return result;
}

void merge_environment(std::vector<std::string>& environment, const std::vector<std::string>& extra) {
  for (const std::string& entry : extra) {
    const std::string prefix = entry.substr(0, entry.find('=')) + "=";
    const auto old = std::find_if(environment.begin(), environment.end(),
                                  [&](const std::string& line) { return line.starts_with(prefix); });
    if (old == environment.end()) {
      environment.push_back(entry);
    } else {
      *old = entry;
    }
  }
}

/// A child ignored by way of SIGCHLD leaves no status behind.
void keep_child_statuses() {
  struct sigaction action {};
  if (sigaction(SIGCHLD, nullptr, &action) != 0) return;
  if (action.sa_handler != SIG_IGN && (action.sa_flags & SA_NOCLDWAIT) == 0) return;
  action.sa_handler = SIG_DFL;
  action.sa_flags = 0;
  sigaction(SIGCHLD, &action, nullptr);
}

/// Forks with every signal blocked, so that no handler of leakgate's ever runs in the child.
Result<pid_t> fork_child(ChildPlan& plan) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) run_child(plan);
  const int code = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0)
    return system_error(ErrorKind::io, "cannot start a process", code, "see ulimit -u and the pids cgroup");
  return pid;
}

/// What a plan points into: it must live until the child has forked.
struct PlanStorage {
  CallerState caller;
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::vector<std::string> extra;
  std::vector<std::string> candidates;
  std::string shell = "/bin/sh";
  std::optional<TargetUser> user;
};

Result<PlanStorage> gather(const LaunchRequest& request) {
  PlanStorage storage;
  storage.caller = request.caller ? *request.caller : CallerState::capture();
  storage.user = request.user;
  if (!storage.user && !request.as_root) {
    auto found = invoking_user(storage.caller);
    if (!found) return std::move(found).error();
    storage.user = std::move(*found);
  }
  storage.environment =
      storage.user ? environment_for(storage.caller, *storage.user) : storage.caller.environment;
  merge_environment(storage.environment, request.extra_environment);
  storage.extra = request.extra_environment;
  storage.argv = request.argv;
  storage.candidates = command_candidates(request.argv[0], storage.caller.variable("PATH"));
  return storage;
}

Result<ChildPlan> make_plan(PlanStorage& storage) {
  auto identity = plan_identity(storage.caller, storage.user);
  if (!identity) return std::move(identity).error();
  ChildPlan plan;
  plan.identity = std::move(*identity);
  plan.caller = &storage.caller;
  plan.has_slash = storage.argv[0].find('/') != std::string::npos;
  for (const std::string& candidate : storage.candidates)
    plan.candidates.push_back(candidate.c_str());
  plan.argv = pointers_to(storage.argv);
  plan.envp = pointers_to(storage.environment);
  plan.canary_envp = pointers_to(storage.extra);
  plan.shell_argv = {storage.shell.data(), nullptr};
  plan.shell_argv.insert(plan.shell_argv.end(), plan.argv.begin() + 1, plan.argv.end());
  plan.close_ranges = ranges_outside(storage.caller.descriptors);
  return plan;
}

}  // namespace

Result<Target> Target::hold(const LaunchRequest& request) {
  if (request.argv.empty())
    return Error{ErrorKind::usage, "no command given", "write the command after --", 0};
  auto storage = gather(request);
  if (!storage) return std::move(storage).error();
  auto plan = make_plan(*storage);
  if (!plan) return std::move(plan).error();
  std::string refusal;
  if (!request.private_copies.empty()) {
    auto copies = plan_private_copies(request.private_copies);
    if (copies) plan->copies = std::move(*copies);
    if (!copies) refusal = copies.error().message;
  }
  keep_child_statuses();
  for (;;) {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
      return system_error(ErrorKind::io, "cannot make a socket pair", errno);
    }
    Target target;
    target.socket_.reset(ends[0]);
    Descriptor child_end(ends[1]);
    plan->parent_socket = ends[0];
    plan->socket = ends[1];
    if (request.canary) target.prepare_canary(*plan);
    auto pid = fork_child(*plan);
    if (!pid) return std::move(pid).error();
    target.pid_ = *pid;
    child_end.reset();
    target.pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
    if (!target.pidfd_)
      return system_error(ErrorKind::unsupported, "cannot watch the target", errno,
                          "Linux 5.3 or newer is needed");
    target.name_ = request.argv[0];
    target.user_ = storage->user;
    bool copies_failed = false;
    if (auto ready = target.receive_ready(storage->candidates, target.name_, plan->copies, copies_failed);
        !ready) {
      return std::move(ready).error();
    }
    if (!copies_failed) {
      if (!refusal.empty()) target.copies_refusal_ = refusal;
      return target;
    }
    refusal = target.copies_refusal_;
    plan->copies.reset();  // half a namespace cannot be mended: once more without
  }
}

Status Target::receive_ready(const std::vector<std::string>& candidates, const std::string& name,
                             const std::optional<PrivateCopyPlan>& plan, bool& copies_failed) {
  std::vector<Descriptor> received;
  const auto message = receive(socket_.get(), received);
  if (!message) {
    return Error{ErrorKind::io, fmt::format("the process for '{}' ended before it was ready", name),
                 "run it again", 0};
  }
  take_canary(message->canary);
  const std::string path = message->index < candidates.size() ? candidates[message->index] : std::string();
  switch (message->what) {
    case ChildMessage::What::ready:
      break;
    case ChildMessage::What::copies_failed:
      copies_failed = true;
      copies_refusal_ =
          explain_copy_failure(*plan, static_cast<CopyStep>(message->step), message->index, message->code);
      return {};
    case ChildMessage::What::identity_failed:
      return system_error(
          ErrorKind::permission,
          user_ ? fmt::format("cannot become user {}", user_->name) : "cannot give up privileges",
          message->code, user_ ? "to run the target as root on purpose, use --as-root" : "");
    default:
      return explain_command_failure(name, path, message->code);
  }
  program_ = path;
  if (!plan) return {};
  if (received.size() != plan->contents) {
    return Error{ErrorKind::io, "the private copies did not arrive", "raise the limit on open files", EMFILE};
  }
  std::vector<std::shared_ptr<Descriptor>> contents;
  for (Descriptor& fd : received)
    contents.push_back(std::make_shared<Descriptor>(std::move(fd)));
  for (const std::size_t mount : plan->mount_of_request)
    copies_.push_back(contents[plan->mounts[mount].content]);
  return {};
}

/// A run without a canary is a run that proves less: the reason is kept, and told.
void Target::prepare_canary(ChildPlan& plan) {
  auto canary = Canary::prepare();
  if (!canary) {
    canary_refusal_ = canary.error().message;
    return;
  }
  plan.canary = canary->plan();
  plan.canary.environment = plan.canary_envp.data();
  canary_ = std::make_unique<Canary>(std::move(*canary));
}

void Target::take_canary(pid_t pid) {
  if (!canary_) return;
  if (pid > 0) {
    canary_->adopt(pid);
    return;
  }
  canary_.reset();
  canary_refusal_ = "a process was refused";
}

Target::~Target() {
  if (pid_ < 0 || !socket_ || released_ || exit_) return;
  socket_.reset();  // end of file: the child gives up
  syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string Target::copy_path(std::size_t index) const {
  return index < copies_.size() ? fmt::format("/proc/self/fd/{}", copies_[index]->get()) : std::string();
}

Status Target::release() {
  if (!socket_ || released_) return Error{ErrorKind::internal, "the target was released already", {}, 0};
  released_ = true;
  const char go = 'g';
  ssize_t sent = 0;
  do {
    sent = send(socket_.get(), &go, sizeof go, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  // A failed send means that the child is gone; what it said last may still be there to read.
  std::vector<Descriptor> none;
  std::optional<ChildMessage> message;
  while ((message = receive(socket_.get(), none)) && message->what == ChildMessage::What::using_shell) {
    through_shell_ = true;
  }
  socket_.reset();
  if (!message) return {};  // closed by exec, or by death
  auto ended = wait_exit();
  if (!ended) return std::move(ended).error();
  return explain_command_failure(name_, program_, message->code);
}

Result<std::optional<model::ExitState>> Target::reap(bool block) {
  if (exit_) return exit_;
  siginfo_t info{};
  // looked at before it is taken: of a thread that is held by ptrace every wait tells the stops as well
  for (const int keep : {WNOWAIT, 0}) {
    int result = 0;
    do {
      result = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | keep | (block ? 0 : WNOHANG));
    } while (result != 0 && errno == EINTR);
    if (result != 0) return system_error(ErrorKind::io, "cannot learn how the target ended", errno);
    if (info.si_pid == 0 || info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED)
      return std::optional<model::ExitState>();
  }
  exit_.emplace();
  if (info.si_code == CLD_EXITED) {
    exit_->code = info.si_status;
  } else {
    exit_->signal = info.si_status;
  }
  return exit_;
}

Result<std::optional<model::ExitState>> Target::poll_exit() {
  return reap(false);
}

Result<model::ExitState> Target::wait_exit() {
  auto ended = reap(true);
  if (!ended) return std::move(ended).error();
  return **ended;
}

Status Target::send_signal(int signal) const {
  if (exit_ || syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) == 0 || errno == ESRCH)
    return {};
  return system_error(ErrorKind::permission, fmt::format("cannot send signal {} to the target", signal),
                      errno);
}

}  // namespace leakgate::launch
