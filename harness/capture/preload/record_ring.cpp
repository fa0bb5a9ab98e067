// SPDX-License-Identifier: Apache-2.0
// A ticket says which slot a record stands in; the slot says when it is whole.
#include "harness/capture/preload/record_ring.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

#include "harness/base/clock.h"
#include "harness/capture/preload/ended_processes.h"
#include "harness/capture/preload/ledger_check.h"
#include "harness/capture/preload/shared_word.h"

namespace leakgate::capture {

RecordRing::RecordRing(std::shared_ptr<SharedFile> file, std::uint64_t ring_bytes)
    : file_(std::move(file)),
      slots_(static_cast<std::uint32_t>(
          std::clamp<std::uint64_t>(ring_bytes / sizeof(preload::RingSlot), 1, preload::kRingSlots))) {
  file_->header().ring_slots = slots_;
}

Status RecordRing::tell(int events) {
  doorbell_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  if (!doorbell_ || ::epoll_ctl(events, EPOLL_CTL_ADD, doorbell_.get(), &event) != 0)
    return system_error(ErrorKind::io, "cannot make a descriptor for events", errno);
  try {
    ringer_ = std::jthread([this](const std::stop_token& stop) { ring_through(stop); });
  } catch (const std::system_error& error) {
    return system_error(ErrorKind::io, "cannot start the thread that waits for events", error.code().value());
  }
  return {};
}

RecordRing::~RecordRing() {
  ringer_.request_stop();
  std::uint32_t& doorbell = file_->header().doorbell;
  __atomic_fetch_add(&doorbell, 1, __ATOMIC_RELEASE);
  wake(doorbell);
}

/// A futex cannot be polled: this thread sleeps on it for us.
void RecordRing::ring_through(const std::stop_token& stop) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::uint32_t& doorbell = file_->header().doorbell;
  std::uint32_t seen = 0;
  while (!stop.stop_requested()) {
    const std::uint32_t now = load(doorbell);
    if (now == seen) {
      ::syscall(SYS_futex, &doorbell, FUTEX_WAIT, now, nullptr, nullptr, 0);
      continue;
    }
    seen = now;
    ring();
  }
}

void RecordRing::ring() {
  const std::uint64_t one = 1;
  (void)!::write(doorbell_.get(), &one, sizeof one);
}

void RecordRing::take(const Take& take) {
  std::uint64_t count = 0;
  (void)!::read(doorbell_.get(), &count, sizeof count);
  for (std::uint32_t taken = 0; take_one(take);) {
    if (++taken < 4 * slots_) continue;
    ring();
    break;
  }
}

bool RecordRing::is_given_up(std::uint64_t ticket) {
  constexpr std::uint64_t kPatienceNs = 2'000'000'000;
  const std::uint64_t now_ns = monotonic_ns();
  if (stuck_ticket_ != ticket) {
    stuck_ticket_ = ticket;
    stuck_since_ns_ = now_ns;
  }
  return now_ns - stuck_since_ns_ >= kPatienceNs;
}

bool RecordRing::take_one(const Take& take) {
  preload::Header& header = file_->header();
  const std::uint64_t ticket = read_;
  const std::uint64_t waiting = load(header.ring_next) - ticket;
  if (waiting == 0) return false;
  if (waiting > slots_ || load(header.ring_read) != ticket) {  // overwritten: begin anew
    ++damaged_;
    store(header.ring_read, ticket);
    store(header.ring_next, ticket);
    return false;
  }
  auto& slot = reinterpret_cast<preload::RingSlot*>(file_->control(preload::kRingAt))[ticket % slots_];
  if (load(slot.sequence) != ticket + 1) {  // being written, or its writer was killed
    const auto writer = static_cast<std::int32_t>(load(slot.writer));
    // who is killed while it writes is as if it had been killed before
    const bool is_killed = writer > 0 && !is_there(writer) && load(slot.sequence) != ticket + 1;
    if (!is_killed && !is_given_up(ticket)) return false;
    if (!is_killed) __atomic_fetch_add(&header.lost[LG_LOST_ring_full], 1, __ATOMIC_RELAXED);
    store(slot.writer, 0);
    store(header.ring_read, ++read_);
    return true;
  }
  alignas(8) std::array<std::byte, preload::kRecordBytes> copy;
  const std::size_t told = load(slot.bytes);
  const std::size_t bytes = std::min(told, copy.size());
  std::memcpy(copy.data(), slot.record, bytes);
  store(slot.writer, 0);
  auto& record = *reinterpret_cast<lg_record*>(copy.data());
  if (bytes < told || !is_possible_record({copy.data(), bytes}) || !take(record, bytes)) ++damaged_;
  // not before: there are writers that wait until it is done
  store(header.ring_read, ++read_);
  return true;
}

}  // namespace leakgate::capture
