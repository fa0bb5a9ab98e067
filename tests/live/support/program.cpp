// SPDX-License-Identifier: Apache-2.0
// Child processes of tests. See program.h.
#include "tests/live/support/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace leakgate::live {
namespace {

[[noreturn]] void give_up(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::vector<std::string> environment_of(const ProgramRequest& request) {
  std::vector<std::string> result;
  if (request.environment) {
    result = *request.environment;
  } else {
    for (char** entry = environ; *entry != nullptr; ++entry)
      result.emplace_back(*entry);
  }
  for (const std::string& extra : request.extra_environment) {
    const std::string name = extra.substr(0, extra.find('=') + 1);
    std::erase_if(result, [&](const std::string& entry) { return entry.starts_with(name); });
    result.push_back(extra);
  }
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// Opens `path` as descriptor `number` of the calling process.
void open_as(int number, const std::filesystem::path& path, int flags) {
  const int fd = open(path.c_str(), flags, 0644);
  if (fd < 0) _exit(125);
  if (fd == number) return;
  if (dup2(fd, number) < 0) _exit(125);
  close(fd);
}

bool ended(pid_t pid, std::chrono::seconds limit) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) give_up("pidfd_open");
  pollfd wait{fd, POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  int got = 0;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    got = poll(&wait, 1, std::max(0, static_cast<int>(left.count())));
    if (got >= 0 || errno != EINTR) break;
  }
  close(fd);
  return got > 0;
}

}  // namespace

Scratch::Scratch() {
  const char* base = std::getenv("TMPDIR");
  std::string name = std::string(base && *base ? base : "/tmp") + "/leakgate-test-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) give_up("mkdtemp");
  path_ = name;
  std::filesystem::permissions(path_, std::filesystem::perms(0755));
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Program::Program(const Scratch& scratch, const ProgramRequest& request) : time_limit_(request.time_limit) {
  static std::atomic<int> count = 0;
  const std::string number = std::to_string(++count);
  const auto in = scratch / ("stdin." + number);
  out_ = scratch / ("stdout." + number);
  err_ = scratch / ("stderr." + number);
  write_file(in, request.input);
  std::vector<std::string> arguments = request.argv;
  std::vector<std::string> environment = environment_of(request);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  pid_ = fork();
  if (pid_ < 0) give_up("fork");
  if (pid_ > 0) return;
  open_as(STDIN_FILENO, in, O_RDONLY);
  open_as(STDOUT_FILENO, out_, O_CREAT | O_TRUNC | O_WRONLY);
  open_as(STDERR_FILENO, err_, O_CREAT | O_TRUNC | O_WRONLY);
  // What CTest or a terminal left open is no business of the program's.
  syscall(SYS_close_range, 3u, ~0u, 0u);
  if (!request.directory.empty() && chdir(request.directory.c_str()) != 0) _exit(125);
  if (request.before_exec) request.before_exec();
  environ = const_cast<char**>(envp.data());  // so that the command is looked for in its own PATH
  execvp(argv[0], argv.data());
  _exit(127);
}

Program::~Program() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string Program::output() const {
  return read_file(out_);
}

ProgramResult Program::wait() {
  if (!ended(pid_, time_limit_)) {
    ADD_FAILURE() << "process " << pid_ << " had to be killed at its time limit";
    // nothing else tells, afterwards, what it was waiting for
    const std::string show = std::string(LEAKGATE_SOURCE_DIR "/tests/live/support/show_stuck ");
    (void)!std::system((show + std::to_string(pid_) + " >&2").c_str());
    kill(pid_, SIGKILL);
  }
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) give_up("waitpid");
  pid_ = -1;
  ProgramResult result;
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.out = read_file(out_);
  result.err = read_file(err_);
  return result;
}

ProgramResult run_program(const Scratch& scratch, const ProgramRequest& request) {
  return Program(scratch, request).wait();
}

std::string read_file(const std::filesystem::path& path) {
  // Not by a stream: files of /proc may vanish while they are read, and that is no error here.
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char buffer[65536];
  for (ssize_t got = 0; (got = read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  close(fd);
  return text;
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!(file << text).flush()) throw std::runtime_error("cannot write " + path.string());
}

bool wait_until(std::chrono::milliseconds limit, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace leakgate::live
