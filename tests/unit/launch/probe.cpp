// SPDX-License-Identifier: Apache-2.0
// Prints what a program can see of the way it was started, bytes quoted, its own and its parent's pid left
// out: two equal outputs mean two equal starts.
#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <string>

namespace {

void print_quoted(const char* label, const char* text) {
  std::printf("%s ", label);
  for (const char* at = text; *at != '\0'; ++at)
    std::printf("%02x", static_cast<unsigned char>(*at));
  std::printf("\n");
}

void print_descriptors() {
  std::set<int> numbers;
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    const int fd = std::atoi(entry->d_name);
    if (fd != dirfd(directory)) numbers.insert(fd);
  }
  closedir(directory);
  for (const int fd : numbers) {
    char text[PATH_MAX] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    if (readlink(link.c_str(), text, sizeof text - 1) < 0) continue;
    std::printf("fd %d %s flags %o\n", fd, text, static_cast<unsigned>(fcntl(fd, F_GETFL)));
  }
}

void print_status() {
  static const std::set<std::string> kWanted = {
      "Umask",   "Uid",     "Gid",        "Groups",       "SigPnd",      "ShdPnd", "SigBlk",
      "SigIgn",  "SigCgt",  "CapInh",     "CapPrm",       "CapEff",      "CapBnd", "CapAmb",
      "Seccomp", "Threads", "NoNewPrivs", "Cpus_allowed", "Mems_allowed"};
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (kWanted.count(line.substr(0, line.find(':'))) != 0) std::printf("%s\n", line.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (int index = 0; index < argc; ++index)
    print_quoted("arg", argv[index]);
  for (char** entry = environ; *entry != nullptr; ++entry)
    print_quoted("env", *entry);
  char directory[PATH_MAX] = {};
  if (getcwd(directory, sizeof directory) != nullptr) print_quoted("cwd", directory);
  print_descriptors();
  print_status();
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    rlimit limit{};
    getrlimit(static_cast<__rlimit_resource>(resource), &limit);
    std::printf("limit %d %llu %llu\n", resource, static_cast<unsigned long long>(limit.rlim_cur),
                static_cast<unsigned long long>(limit.rlim_max));
  }
  int death_signal = -1;
  prctl(PR_GET_PDEATHSIG, &death_signal);
  int subreaper = -1;
  prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
  std::printf("death signal %d subreaper %d dumpable %d keepcaps %d slack %d\n", death_signal, subreaper,
              prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_TIMERSLACK));
  // A session made for one run has another number in the next.
  const int session = std::getenv("LAUNCH_PROBE_ANY_SESSION") != nullptr ? 0 : getsid(0);
  std::printf("nice %d session %d terminal %d leader %d in leader's group %d own group %d\n",
              getpriority(PRIO_PROCESS, 0), session, tcgetpgrp(0), getsid(0) == getpid(),
              getsid(0) == getpgrp(), getpgrp() == getpid());
  std::ifstream badness("/proc/self/oom_score_adj");
  std::string value;
  std::getline(badness, value);
  std::printf("oom_score_adj %s\n", value.c_str());
  return 0;
}
