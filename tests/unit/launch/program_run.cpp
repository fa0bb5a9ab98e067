// SPDX-License-Identifier: Apache-2.0
// Running programs for tests. See program_run.h.
#include "tests/unit/launch/program_run.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace launch_test {
namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& text : strings)
    result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

ProgramRun run_program(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                       const std::function<void()>& prepare) {
  // Files of one name in every run, so that what the program sees of its descriptors is the same in every
  // run.
  static const std::string kBase = "/tmp/launch-test-" + std::to_string(getpid());
  const std::string out_path = kBase + ".out";
  const std::string err_path = kBase + ".err";
  const auto arguments = pointers_to(argv);
  const auto variables = pointers_to(environment);
  const pid_t pid = fork();
  if (pid == 0) {
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    if (dup2(open(out_path.c_str(), flags, 0666), 1) < 0 || dup2(open(err_path.c_str(), flags, 0666), 2) < 0)
      _exit(99);
    if (prepare) prepare();
    execvpe(arguments[0], arguments.data(), variables.data());
    _exit(98);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  ProgramRun result;
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.out = read_file(out_path);
  result.err = read_file(err_path);
  unlink(out_path.c_str());
  unlink(err_path.c_str());
  return result;
}

RunningProgram::RunningProgram(const std::vector<std::string>& argv,
                               const std::vector<std::string>& environment) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
  const auto arguments = pointers_to(argv);
  const auto variables = pointers_to(environment);
  pid_ = fork();
  if (pid_ == 0) {
    dup2(ends[1], 1);
    execvpe(arguments[0], arguments.data(), variables.data());
    _exit(98);
  }
  close(ends[1]);
  output_ = ends[0];
}

RunningProgram::~RunningProgram() {
  if (!reaped_) {
    kill(pid_, SIGKILL);
    wait();
  }
  close(output_);
}

std::string RunningProgram::read_line() {
  std::string line;
  for (;;) {
    pollfd watched{output_, POLLIN, 0};
    char byte = 0;
    if (poll(&watched, 1, 10000) <= 0 || read(output_, &byte, 1) != 1 || byte == '\n') return line;
    line += byte;
  }
}

void RunningProgram::send_signal(int number) const {
  kill(pid_, number);
}

int RunningProgram::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  reaped_ = true;
  return status;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = "/tmp/launch-test-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  chmod(pattern.c_str(), 0755);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write(const std::string& name, const std::string& content,
                                      mode_t mode) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  chmod(path.c_str(), mode);
  return path;
}

bool eventually(const std::function<bool()>& condition) {
  for (int tries = 0; tries < 1000; ++tries) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

bool is_running(pid_t pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && name_end + 2 < stat.size() && stat[name_end + 2] != 'Z';
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> plain_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string(*entry).starts_with("SUDO_")) result.emplace_back(*entry);
  }
  return result;
}

}  // namespace launch_test
