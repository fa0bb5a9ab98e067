// SPDX-License-Identifier: Apache-2.0
// Control records: a ring that all processes write and leakgate reads. A slot is taken by a ticket and
// published when it is whole; leakgate is woken only for records that cannot wait.
#include "adapters/preload/state.h"

namespace leakgate::preload {
namespace {

constexpr u64 kPatienceNs = 2'000'000'000;
constexpr u64 kTurnNs = 1'000'000;

RingSlot& slot_of(u64 ticket) {
  return reinterpret_cast<RingSlot*>(g.control + kRingAt)[ticket % g.header->ring_slots];
}

void ring() {
  __atomic_fetch_add(&g.header->doorbell, 1, __ATOMIC_RELEASE);
  futex_wake(g.header->doorbell);
}

/// Sleeps while no further records than those before `read` are read, at most `ns`: nobody is woken for that.
/// With a system call that is made anyway, for the program's filter may know no others.
void await_reading(u64 read, u64 ns) {
  void* const low_half = &g.header->ring_read;
  futex_wait(*static_cast<u32*>(low_half), static_cast<u32>(read), ns);
}

/// A ticket whose slot is free; false: none became free.
bool take_ticket(u64& ticket) {
  Header& header = *g.header;
  Patience patience(kPatienceNs);
  ticket = load(header.ring_next);
  for (;;) {
    if (ticket - load(header.ring_read) >= header.ring_slots) {
      if (patience.is_over() || !is_leakgate_there()) return false;
      ring();
      await_reading(load(header.ring_read), kTurnNs);
      ticket = load(header.ring_next);
      continue;
    }
    // its page is there before the slot is ours: whoever is killed in between leaves no name
    __atomic_fetch_or(&slot_of(ticket).writer, 0, __ATOMIC_RELAXED);
    if (__atomic_compare_exchange_n(&header.ring_next, &ticket, ticket + 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
      return true;
  }
}

/// False: there is no room, and that is counted.
bool write_record(const lg_record* record, u32 bytes, u64& ticket) {
  const u32 writer = own_tid();
  if (bytes > kRecordBytes || !take_ticket(ticket)) {
    lose(LG_LOST_ring_full);
    return false;
  }
  RingSlot& slot = slot_of(ticket);
  store(slot.writer, writer);
  slot.bytes = bytes;
  copy_bytes(slot.record, record, bytes);
  store(slot.sequence, ticket + 1);
  return true;
}

}  // namespace

bool send_record(lg_record* record, u32 bytes, bool urgent) {
  u64 ticket = 0;
  if (!write_record(record, bytes, ticket)) return false;
  if (urgent || ticket - load(g.header->ring_read) > g.header->ring_slots / 4) ring();
  return true;
}

void send_and_wait(lg_record* record, u32 bytes) {
  constexpr s64 kNapNs = 20'000;
  u64 ticket = 0;
  if (!write_record(record, bytes, ticket)) return;
  ring();
  Patience patience(kLongestWaitNs);
  while (is_leakgate_there() && !patience.is_over()) {
    const u64 read = load(g.header->ring_read);
    if (read > ticket) return;
    await_reading(read, kNapNs);
  }
}

}  // namespace leakgate::preload
