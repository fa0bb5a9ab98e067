// SPDX-License-Identifier: Apache-2.0
// Bounds alone: what is wrong inside them cannot be told from what is right.
#include "harness/capture/preload/ledger_check.h"

#include <cstring>

namespace leakgate::capture {
namespace {

/// No user memory lies beyond, five levels of page tables included.
constexpr std::uint64_t kUserEnd = std::uint64_t{1} << 56;

/// What the library writes of a record of this type; 0: it writes none.
std::size_t bytes_of(std::uint32_t type) {
  switch (type) {
    case LG_REC_FORK:
      return sizeof(lg_record_fork);
    case LG_REC_EXEC:
      return sizeof(lg_record_exec);
    case LG_REC_TEST_START:
    case LG_REC_TEST_END:
    case LG_REC_SUITE_START:
    case LG_REC_SUITE_END:
      return sizeof(lg_record_test);
    case LG_REC_EXAMINE:
      return sizeof(lg_record);
    case LG_REC_MOMENT:
      return sizeof(lg_record_moment);
    case LG_REC_SCOPE:
      return sizeof(lg_record_scope);
    case preload::kExecExpected:
      return sizeof(preload::NextProgram);
    case LG_REC_TEST_FAILED:
    case LG_REC_ACCEPTED:
    case preload::kExecCancelled:
    case preload::kSpawned:
      return sizeof(lg_record_window);
    default:
      return 0;  // ends are the kernel's to tell, and no table grows on demand
  }
}

}  // namespace

HeaderSeal::Words HeaderSeal::read(const preload::Header& header) {
  const auto join = [](std::uint32_t high, std::uint32_t low) { return std::uint64_t{high} << 32 | low; };
  return {{header.layout, header.start_ns, header.max_live_blocks, header.max_stacks,
           join(header.root_pid, header.canary_pid), join(header.max_processes, header.max_threads),
           join(header.moments, header.unwind), join(header.ended, header.ring_slots)}};
}

bool is_possible_record(std::span<const std::byte> record) {
  if (record.size() < sizeof(lg_record)) return false;
  lg_record head{};
  std::memcpy(&head, record.data(), sizeof head);
  const std::size_t bytes = bytes_of(head.type);
  return bytes != 0 && record.size() >= bytes;
}

bool is_possible_memory(std::uint64_t address, std::uint64_t bytes) {
  return address < kUserEnd && bytes <= kUserEnd - address;
}

bool is_possible(std::uint64_t address, const lg_live& block, const LedgerBounds& bounds) {
  return is_possible_memory(address, block.size) && block.stack <= bounds.stacks &&
         block.test <= bounds.last_window;
}

bool do_counts_fit(std::uint64_t allocations, std::uint64_t frees, std::uint64_t blocks,
                   std::uint32_t threads) {
  const std::uint64_t least = blocks > threads ? blocks - threads : 0;
  const std::uint64_t live = allocations - frees;
  // a free counts when the block is out of the table: one that was interrupted there makes the difference -1
  return frees <= allocations + threads &&
         (allocations < frees ? blocks <= threads : live >= least && live <= blocks + threads);
}

}  // namespace leakgate::capture
