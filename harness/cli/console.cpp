// SPDX-License-Identifier: Apache-2.0
// Printing by the C library's streams.
#include "harness/cli/console.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "harness/base/text.h"
#include "harness/cli/exit_status.h"

namespace leakgate::cli {

void occupy_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // the lowest number that is free is this one; a folder without /dev/null has memory files all the same
    if (fd == STDOUT_FILENO)
      (void)::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    else if (::open("/dev/null", O_RDWR | O_CLOEXEC) < 0)
      (void)::memfd_create("closed", MFD_CLOEXEC);
  }
}

void survive_failing_writes() {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  for (const int signal : {SIGXFSZ, SIGPIPE})
    (void)::sigaction(signal, &action, nullptr);
}

void put(std::FILE* stream, std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stream);  // the stream keeps that it failed
}

void say(const Error& error) {
  // names of files are in it, and those may hold anything: a line of their own would be a command to GitHub's
  // runner
  print(stderr, "leakgate: {}\n", printable(error.message));
  if (!error.hint.empty()) print(stderr, "leakgate: hint: {}\n", printable(error.hint));
}

int with_output_written(int status) {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  say(system_error(ErrorKind::io, "cannot write to standard output", errno != 0 ? errno : EIO));
  return status == kPass ? kCannot : status;
}

}  // namespace leakgate::cli
