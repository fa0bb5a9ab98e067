// SPDX-License-Identifier: Apache-2.0
// Taking the caller's state. See caller_state.h.
#include "harness/launch/caller_state.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace leakgate::launch {
namespace {

/// First and last byte of the environment as the kernel laid it down; {0, 0} if unknown.
std::pair<std::uintptr_t, std::uintptr_t> kernel_environment_range() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return {0, 0};
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return {0, 0};
  // Behind the name stands field 3; env_start and env_end are fields 50 and 51.
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int number = 3; number < 50; ++number)
    fields >> field;
  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
  fields >> start >> end;
  if (!fields || end < start) return {0, 0};
  return {start, end};
}

std::vector<std::string> read_environment() {
  std::vector<std::string> result;
  // A binary with file capabilities runs in secure mode: ld.so takes LD_LIBRARY_PATH, TMPDIR and others out
  // of environ. The target, which gets no privileges, needs them; the kernel's strings are still on the stack
  // where they were put.
  if (getauxval(AT_SECURE) != 0) {
    const auto [start, end] = kernel_environment_range();
    const char* at = reinterpret_cast<const char*>(start);
    const char* const stop = reinterpret_cast<const char*>(end);
    while (at < stop) {
      const std::size_t length = strnlen(at, static_cast<std::size_t>(stop - at));
      result.emplace_back(at, length);
      at += length + 1;
    }
    if (!result.empty()) return result;
  }
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    result.emplace_back(*entry);
  return result;
}

sigset_t read_ignored_signals() {
  sigset_t ignored;
  sigemptyset(&ignored);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) sigaddset(&ignored, number);
  }
  return ignored;
}

bool passes_exec(int fd) {
  const int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

std::vector<int> read_descriptors(const rlimit& open_files) {
  std::vector<int> result;
  if (DIR* directory = opendir("/proc/self/fd")) {
    while (const dirent* entry = readdir(directory)) {
      int fd = -1;
      const char* const end = entry->d_name + std::strlen(entry->d_name);
      if (std::from_chars(entry->d_name, end, fd).ptr != end || fd == dirfd(directory)) continue;
      if (passes_exec(fd)) result.push_back(fd);
    }
    closedir(directory);
  } else {
    const int limit = static_cast<int>(std::min<rlim_t>(open_files.rlim_cur, 65536));
    for (int fd = 0; fd < limit; ++fd) {
      if (passes_exec(fd)) result.push_back(fd);
    }
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::uint64_t read_ambient_capabilities() {
  std::uint64_t result = 0;
  for (unsigned long capability = 0; capability < 64; ++capability) {
    const int set = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0);
    if (set < 0) break;  // past the kernel's last capability
    if (set > 0) result |= std::uint64_t{1} << capability;
  }
  return result;
}

}  // namespace

CallerState CallerState::capture() {
  CallerState state;
  state.environment = read_environment();
  sigprocmask(SIG_SETMASK, nullptr, &state.signal_mask);
  state.ignored_signals = read_ignored_signals();
  state.file_mode_mask = ::umask(077);
  ::umask(state.file_mode_mask);
  for (std::size_t resource = 0; resource < state.limits.size(); ++resource) {
    getrlimit(static_cast<__rlimit_resource>(resource), &state.limits[resource]);
  }
  state.descriptors = read_descriptors(state.limits[RLIMIT_NOFILE]);
  state.real_uid = getuid();
  state.effective_uid = geteuid();
  state.real_gid = getgid();
  state.effective_gid = getegid();
  state.ambient_capabilities = read_ambient_capabilities();
  return state;
}

std::optional<std::string_view> CallerState::variable(std::string_view name) const {
  for (const std::string& entry : environment) {
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.compare(0, name.size(), name) == 0) {
      return std::string_view(entry).substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

}  // namespace leakgate::launch
