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

/// A ticket whose slot is free; false: none became free.
bool take_ticket(u64& ticket) {
  Header& header = *g.header;
  const u64 deadline = monotonic_ns() + kPatienceNs;
  ticket = load(header.ring_next);
  for (;;) {
    if (ticket - load(header.ring_read) >= header.ring_slots) {
      if (monotonic_ns() > deadline || !is_leakgate_there()) return false;
      ring();
      s64 pause[2] = {0, kTurnNs};
      system_call(SYS_nanosleep, word(pause));
      ticket = load(header.ring_next);
      continue;
    }
    if (__atomic_compare_exchange_n(&header.ring_next, &ticket, ticket + 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
      return true;
  }
}

}  // namespace

bool send_record(lg_record* record, u32 bytes, bool urgent) {
  u64 ticket = 0;
  if (bytes > kRecordBytes || !take_ticket(ticket)) {
    lose(LG_LOST_ring_full);
    return false;
  }
  RingSlot& slot = slot_of(ticket);
  slot.writer = g.process ? g.process->figures.pid : 0;
  slot.bytes = bytes;
  copy_bytes(slot.record, record, bytes);
  store(slot.sequence, ticket + 1);
  if (urgent || ticket - load(g.header->ring_read) > g.header->ring_slots / 4) ring();
  return true;
}

}  // namespace leakgate::preload
