// SPDX-License-Identifier: Apache-2.0
// The gate's side in leakgate: marks the mounts, receives files, answers. See exec_gate.h.
#include "harness/capture/exec_gate.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/fanotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "harness/capture/exec_keeper.h"

namespace leakgate::capture {
namespace {

constexpr std::size_t kMaxMounts = 4096;

/// Nothing is executed from these.
constexpr std::array<std::string_view, 14> kNoPrograms = {
    "proc",    "sysfs",      "cgroup", "cgroup2", "devpts",   "mqueue",    "debugfs",
    "tracefs", "securityfs", "pstore", "bpf",     "configfs", "hugetlbfs", "binfmt_misc"};

/// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescape(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size() &&
                         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                     text.begin() + static_cast<std::ptrdiff_t>(i) + 4,
                                     [](char c) { return c >= '0' && c <= '7'; });
    if (!escaped) {
      result += text[i];
      continue;
    }
    result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return result;
}

/// Mount points of the namespace of `pid` from which programs may be executed.
std::vector<std::string> mount_points(pid_t pid) {
  std::vector<std::string> points;
  std::ifstream file(fmt::format("/proc/{}/mountinfo", pid));
  for (std::string line; points.size() < kMaxMounts && std::getline(file, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, point, options, field, type;
    fields >> id >> parent >> device >> root >> point >> options;
    while (fields >> field && field != "-") {
    }
    fields >> type;
    if (fields && std::find(kNoPrograms.begin(), kNoPrograms.end(), type) == kNoPrograms.end())
      points.push_back(unescape(point));
  }
  return points;
}

Result<std::string> mount_namespace(const std::string& process) {
  struct stat status {};
  const std::string path = "/proc/" + process + "/ns/mnt";
  if (::stat(path.c_str(), &status) != 0)
    return system_error(ErrorKind::permission, "cannot look at " + path, errno);
  return fmt::format("{}:{}", status.st_dev, status.st_ino);
}

}  // namespace

Result<std::unique_ptr<ExecGate>> ExecGate::open() {
  std::unique_ptr<ExecGate> gate(new ExecGate);
  gate->fanotify_.reset(
      fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC | O_LARGEFILE));
  if (!gate->fanotify_)
    return system_error(errno == EPERM ? ErrorKind::permission : ErrorKind::unsupported,
                        "the kernel tells of no program before it runs (fanotify)", errno);
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error(ErrorKind::io, "cannot make a socket pair", errno);
  gate->socket_.reset(ends[0]);
  const Descriptor keepers_end(ends[1]);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);  // no handler of leakgate's ever runs in the keeper
  gate->keeper_ = fork();
  if (gate->keeper_ == 0) {
    ::close(ends[0]);
    keep_execs(gate->fanotify_.get(), ends[1]);
  }
  const int code = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (gate->keeper_ < 0) return system_error(ErrorKind::io, "cannot start a process", code);
  return gate;
}

ExecGate::~ExecGate() {
  fanotify_.reset();
  socket_.reset();  // the keeper ends, and with it the group: what waits is permitted
  if (keeper_ <= 0) return;
  kill(keeper_, SIGKILL);
  while (waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Status ExecGate::arm(pid_t pid) {
  auto ours = mount_namespace("self");
  auto theirs = mount_namespace(std::to_string(pid));
  if (!ours) return std::move(ours).error();
  if (!theirs) return std::move(theirs).error();
  if (*ours == *theirs)
    return Error{ErrorKind::unsupported, "the target has no mount namespace of its own", "", 0};
  std::size_t marked = 0;
  int code = ENOENT;
  for (const std::string& point : mount_points(pid)) {
    const std::string path = fmt::format("/proc/{}/root{}", pid, point);
    struct stat status {};
    // the private copies are mounts of single files, known already
    if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) continue;
    if (fanotify_mark(fanotify_.get(), FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_EXEC_PERM, AT_FDCWD,
                      path.c_str()) == 0)
      ++marked;
    else
      code = errno;
  }
  fanotify_.reset();  // the keeper's alone from here on
  if (marked == 0)
    return system_error(ErrorKind::unsupported, "the target's mounts cannot be watched for programs", code);
  return {};
}

void ExecGate::serve(const std::function<void(const std::string& open_path)>& examine) {
  for (;;) {
    GateMessage message;
    iovec data{&message, sizeof message};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t count = recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count != static_cast<ssize_t>(sizeof message)) return;
    const cmsghdr* const part = CMSG_FIRSTHDR(&header);
    if (part != nullptr && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
      const Descriptor file(fd);
      examine(fmt::format("/proc/self/fd/{}", fd));
    }
    while (send(socket_.get(), &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
  }
}

}  // namespace leakgate::capture
