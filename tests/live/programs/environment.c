// SPDX-License-Identifier: Apache-2.0
// Prints what a process can see of how it was started, for comparing a traced run with a native one byte
// for byte: arguments, environment, directory, user, groups, capabilities, signals, umask, limits,
// descriptors, standard input.
// truth: nothing. With -x N as first arguments the exit status is N; standard error gets one line too.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_strings(const char* label, char** strings) {
  for (size_t index = 0; strings[index] != NULL; ++index) {
    printf("%s[%zu]=%s\n", label, index, strings[index]);
  }
}

static void print_identity(void) {
  uid_t uids[3];
  gid_t gids[3];
  if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 || getresgid(&gids[0], &gids[1], &gids[2]) != 0) exit(1);
  printf("uid=%u,%u,%u gid=%u,%u,%u\n", uids[0], uids[1], uids[2], gids[0], gids[1], gids[2]);
  gid_t groups[256];
  const int count = getgroups(256, groups);
  printf("groups=");
  for (int index = 0; index < count; ++index) {
    printf("%u ", groups[index]);
  }
  char directory[4096];
  printf("\ncwd=%s\n", getcwd(directory, sizeof directory) == NULL ? "?" : directory);
  const mode_t mask = umask(0);
  printf("umask=%03o nice=%d leader=%d\n", mask, getpriority(PRIO_PROCESS, 0), getsid(0) == getpid());
}

/// Capabilities, privilege bits and signal sets, as the kernel has them for this process.
static void print_status_lines(void) {
  static const char* const kWanted[] = {"Cap",    "NoNewPrivs", "Seccomp:", "SigBlk",
                                        "SigIgn", "SigCgt",     "TracerPid"};
  FILE* status = fopen("/proc/self/status", "r");
  if (status == NULL) return;
  char line[512];
  while (fgets(line, sizeof line, status) != NULL) {
    for (size_t index = 0; index < sizeof kWanted / sizeof kWanted[0]; ++index) {
      if (strncmp(line, kWanted[index], strlen(kWanted[index])) == 0) fputs(line, stdout);
    }
  }
  fclose(status);
}

static void print_signals(void) {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0) continue;
    if (action.sa_handler == SIG_DFL) continue;
    printf("signal %d is %s\n", number, action.sa_handler == SIG_IGN ? "ignored" : "handled");
  }
}

static void print_limits(void) {
  static const int kLimits[] = {RLIMIT_CORE,    RLIMIT_NOFILE, RLIMIT_STACK,
                                RLIMIT_MEMLOCK, RLIMIT_NPROC,  RLIMIT_AS};
  for (size_t index = 0; index < sizeof kLimits / sizeof kLimits[0]; ++index) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)kLimits[index], &limit) != 0) continue;
    printf("limit %d=%llu,%llu\n", kLimits[index], (unsigned long long)limit.rlim_cur,
           (unsigned long long)limit.rlim_max);
  }
}

/// Every open descriptor with its flags; not its target, which differs from run to run for pipes.
static void print_descriptors(void) {
  for (int fd = 0; fd < 1024; ++fd) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags < 0) continue;
    struct stat status;
    if (fstat(fd, &status) != 0) continue;
    printf("fd %d type=%o flags=%x mode=%x\n", fd, status.st_mode & S_IFMT, flags, fcntl(fd, F_GETFL));
  }
}

static void echo_input(void) {
  char buffer[4096];
  size_t total = 0;
  ssize_t got;
  if (isatty(STDIN_FILENO)) return;
  while ((got = read(STDIN_FILENO, buffer, sizeof buffer)) > 0) {
    fwrite(buffer, 1, (size_t)got, stdout);
    total += (size_t)got;
  }
  printf("\nstdin=%zu bytes\n", total);
}

int main(int argc, char** argv) {
  printf("argc=%d\n", argc);
  print_strings("argv", argv);
  print_strings("env", environ);
  print_identity();
  print_status_lines();
  print_signals();
  print_limits();
  print_descriptors();
  echo_input();
  fputs("one line on standard error\n", stderr);
  return argc > 2 && strcmp(argv[1], "-x") == 0 ? atoi(argv[2]) : 0;
}
