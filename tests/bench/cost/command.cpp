// SPDX-License-Identifier: Apache-2.0
// Output goes to unlinked files, so that no pipe can fill up and nobody reads while a clock runs.
#include "tests/bench/cost/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace leakgate::bench {
namespace {

double now_s() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::string read_all(int fd) {
  std::string text;
  char buffer[65536];
  off_t at = 0;
  for (ssize_t count; (count = ::pread(fd, buffer, sizeof buffer, at)) > 0; at += count)
    text.append(buffer, static_cast<std::size_t>(count));
  return text;
}

}  // namespace

Command::Command(Command&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      input_(std::move(other.input_)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)),
      started_(other.started_) {}

Command::~Command() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<Command> Command::start(const std::vector<std::string>& arguments) {
  Command command;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(ErrorKind::io, "cannot make a pipe", errno);
  const Descriptor read_end(ends[0]);
  command.input_.reset(ends[1]);
  command.out_.reset(::memfd_create("out", MFD_CLOEXEC));
  command.err_.reset(::memfd_create("err", MFD_CLOEXEC));
  if (!command.out_ || !command.err_) return system_error(ErrorKind::io, "cannot keep output", errno);
  std::vector<char*> argv;
  for (const std::string& argument : arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  command.started_ = now_s();
  command.pid_ = ::fork();
  if (command.pid_ < 0) return system_error(ErrorKind::io, "cannot fork", errno);
  if (command.pid_ == 0) {
    ::dup2(read_end.get(), 0);
    ::dup2(command.out_.get(), 1);
    ::dup2(command.err_.get(), 2);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  return command;
}

Status Command::await_output(const std::string& text, double seconds) {
  const double deadline = now_s() + seconds;
  while (read_all(out_.get()).find(text) == std::string::npos) {
    if (now_s() > deadline || ::waitpid(pid_, nullptr, WNOHANG) == pid_)
      return Error{ErrorKind::target, "the workload did not say '" + text + "'", read_all(err_.get()), 0};
    ::usleep(2000);
  }
  return {};
}

Result<CommandResult> Command::wait(double seconds) {
  input_.reset();
  const Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd poll{ended.get(), POLLIN, 0};
  if (!ended || ::poll(&poll, 1, static_cast<int>(seconds * 1000)) <= 0)
    return Error{ErrorKind::target, "the workload did not end in time", "", 0};
  CommandResult result;
  result.wall_s = now_s() - started_;
  int status = 0;
  rusage usage{};
  ::wait4(std::exchange(pid_, -1), &status, 0, &usage);
  result.cpu_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = read_all(out_.get());
  result.err = read_all(err_.get());
  return result;
}

Result<CommandResult> run_command(const std::vector<std::string>& arguments, double seconds) {
  auto command = Command::start(arguments);
  if (!command) return std::move(command).error();
  return command->wait(seconds);
}

bool is_installed(const std::string& program) {
  if (program.find('/') != std::string::npos) return ::access(program.c_str(), X_OK) == 0;
  const char* path = std::getenv("PATH");
  std::string directories = path ? path : "/usr/bin:/bin";
  for (std::size_t at = 0; at <= directories.size();) {
    const std::size_t end = std::min(directories.find(':', at), directories.size());
    if (::access((directories.substr(at, end - at) + "/" + program).c_str(), X_OK) == 0) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace leakgate::bench
