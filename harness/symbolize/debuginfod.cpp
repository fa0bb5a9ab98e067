// SPDX-License-Identifier: Apache-2.0
// libdebuginfod at run time, in a child; see debuginfod.h. Its three functions are declared here: its header
// is not always installed. The child hands over the open file, not its name: the name is in a folder of the
// user's, where it could become another file's before a privileged process opens it.
#include "harness/symbolize/debuginfod.h"

#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "harness/base/close_descriptors.h"

namespace leakgate::symbolize {
namespace {

constexpr int kPatienceMs = 300'000;  ///< the library gives up after 90 s without progress
constexpr std::size_t kMostPath = 4096;

/// A message of one descriptor and a text.
struct Message {
  explicit Message(std::size_t bytes) {
    part.iov_len = bytes;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
  std::array<char, kMostPath> text{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{text.data(), 0};
  msghdr header{};
};

int ask(const std::string& build_id, std::string& path) {
  using Begin = void* (*)();
  using Find = int (*)(void*, const unsigned char*, int, char**);
  void* const library = ::dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return -1;
  const auto begin = reinterpret_cast<Begin>(::dlsym(library, "debuginfod_begin"));
  const auto find = reinterpret_cast<Find>(::dlsym(library, "debuginfod_find_debuginfo"));
  void* client = begin != nullptr && find != nullptr ? begin() : nullptr;
  if (client == nullptr) return -1;
  char* found_path = nullptr;
  // A length of 0 says that the build id is given as hex text.
  const int fd = find(client, reinterpret_cast<const unsigned char*>(build_id.c_str()), 0, &found_path);
  if (fd >= 0 && found_path != nullptr) path = found_path;
  return fd;
}

/// The child: keeps nothing of leakgate's but the way back and the standard descriptors.
[[noreturn]] void fetch_and_send(const std::string& build_id, const BecomeUser& become, int back) {
  if (::dup3(back, 3, 0) < 0 && back != 3) ::_exit(1);
  close_descriptors(4, ~0u);
  if (become() != 0) ::_exit(1);
  std::string path;
  const int fd = ask(build_id, path);
  if (fd < 0) ::_exit(1);
  Message message(std::min(path.size() + 1, kMostPath));
  std::memcpy(message.text.data(), path.c_str(), message.part.iov_len);
  cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  ::_exit(::sendmsg(3, &message.header, MSG_NOSIGNAL) < 0 ? 1 : 0);
}

Descriptor receive(int from, std::string& path) {
  pollfd ready{from, POLLIN, 0};
  if (::poll(&ready, 1, kPatienceMs) != 1) return {};
  Message message(kMostPath);
  const ssize_t got = ::recvmsg(from, &message.header, MSG_CMSG_CLOEXEC);
  const cmsghdr* rights = got > 0 ? CMSG_FIRSTHDR(&message.header) : nullptr;
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(sizeof(int)))
    return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  path.assign(message.text.data(), ::strnlen(message.text.data(), static_cast<std::size_t>(got)));
  return Descriptor(fd);
}

}  // namespace

Descriptor fetch_from_debuginfod(const std::string& build_id, const BecomeUser& become, std::string& path) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {};
  const Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) fetch_and_send(build_id, become, theirs.get());
  theirs.reset();
  if (child < 0) return {};
  Descriptor file = receive(ours.get(), path);
  ::kill(child, SIGKILL);  // it has sent what it had, or will not
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return file;
}

}  // namespace leakgate::symbolize
