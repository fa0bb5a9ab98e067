// SPDX-License-Identifier: Apache-2.0
// One event at a time: read, pass on, wait, permit. See exec_keeper.h.
#include "harness/capture/exec_keeper.h"

#include <poll.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "harness/base/clock.h"
#include "harness/base/close_descriptors.h"
#include "harness/capture/exec_gate.h"

namespace leakgate::capture {
namespace {

constexpr int kPatienceMs = static_cast<int>(kGatePatience.count());

std::int64_t now_ms() {
  return static_cast<std::int64_t>(monotonic_ns() / 1'000'000);
}

/// Everything but the two descriptors is leakgate's: maps and probes must not outlive it in this process.
void close_others(int one, int other) {
  const auto low = static_cast<unsigned>(one < other ? one : other);
  const auto high = static_cast<unsigned>(one < other ? other : one);
  if (low > 0) close_descriptors(0, low - 1);
  if (high - low > 1) close_descriptors(low + 1, high - 1);
  close_descriptors(high + 1, ~0u);
}

/// False: nobody takes it.
bool pass_on(int socket, int number, int file) {
  GateMessage message{number};
  iovec data{&message, sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(rights), &file, sizeof file);
  return sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(sizeof message);
}

enum class Answer { given, none, never };

/// Waits up to `limit_ms` for the answer to `number`; older ones that come late are dropped.
Answer wait_for_answer(int socket, int number, int limit_ms) {
  const std::int64_t deadline = now_ms() + limit_ms;
  for (;;) {
    const std::int64_t left = deadline - now_ms();
    pollfd wait{socket, POLLIN, 0};
    const int ready = poll(&wait, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Answer::none;
    GateMessage message;
    const ssize_t count = recv(socket, &message, sizeof message, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) return Answer::never;
    if (count == static_cast<ssize_t>(sizeof message) && message.number == number) return Answer::given;
  }
}

void permit(int fanotify, int file) {
  fanotify_response response{};
  response.fd = file;
  response.response = FAN_ALLOW;
  while (write(fanotify, &response, sizeof response) < 0 && errno == EINTR) {
  }
}

struct Keeper {
  int fanotify;
  int socket;
  int number = 0;
  bool absent = false;  ///< leakgate let an exec wait in vain: nobody waits again until it answers

  void handle(const fanotify_event_metadata& event) {
    if (event.fd < 0) return;
    if ((event.mask & FAN_OPEN_EXEC_PERM) == 0) {
      close(event.fd);
      return;
    }
    const bool passed = pass_on(socket, ++number, event.fd);
    const Answer answer = passed ? wait_for_answer(socket, number, absent ? 0 : kPatienceMs) : Answer::none;
    absent = answer != Answer::given;
    // what has been examined need not be shown again until it is written to
    if (answer == Answer::given)
      fanotify_mark(fanotify, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN_EXEC_PERM, event.fd, nullptr);
    permit(fanotify, event.fd);
    close(event.fd);
    if (answer == Answer::never) _exit(0);  // closing the group permits what waits
  }

  void read_events() {
    alignas(fanotify_event_metadata) char buffer[4096];
    ssize_t size = read(fanotify, buffer, sizeof buffer);
    // not FAN_EVENT_NEXT, whose cast clang warns of
    for (const char* at = buffer;;) {
      const auto* event = reinterpret_cast<const fanotify_event_metadata*>(static_cast<const void*>(at));
      if (!FAN_EVENT_OK(event, size)) return;
      at += event->event_len;
      size -= event->event_len;
      handle(*event);
    }
  }
};

}  // namespace

void keep_execs(int fanotify, int socket) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "leakgate-exec");
  // Ctrl-C and Ctrl-Z are for leakgate and the target; this process goes when they are gone.
  setsid();
  close_others(fanotify, socket);
  Keeper keeper{fanotify, socket};
  for (;;) {
    pollfd waits[2] = {{fanotify, POLLIN, 0}, {socket, POLLIN, 0}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) _exit(1);
    if ((waits[0].revents & POLLIN) != 0) keeper.read_events();
    // an answer that comes too late, or the end
    if ((waits[1].revents & (POLLIN | POLLHUP)) != 0) {
      GateMessage late;
      const ssize_t count = recv(socket, &late, sizeof late, MSG_DONTWAIT);
      if (count == 0) _exit(0);
      if (count > 0) keeper.absent = false;
    }
  }
}

}  // namespace leakgate::capture
