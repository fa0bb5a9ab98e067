// SPDX-License-Identifier: Apache-2.0
// scribbles PART PATTERN: writes over a part of the ledger that the preload backend shares with this process,
// as a stray pointer would, then ends. PATTERN: zeros, ones, letters, or a number that seeds random words.
// scribbles record WHAT: puts a record into the ring that the library does not write: a short one, a fork
// of a child that has no place, one of an unknown type.
// scribbles hand BYTES: into the place where threads say which memory a realloc under way moves.
// truth: 300 blocks, 7200 bytes; without the library: nothing to write over, exit status 9
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "adapters/preload/shared_layout.h"
#include "common.h"

namespace {

using namespace leakgate::preload;

/// Where in the file, and how much of it.
struct Part {
  const char* name;
  bool in_region;
  u64 offset;
  u64 bytes;
};
constexpr Part kParts[] = {
    {"header", false, 0, sizeof(Header)},
    {"processes", false, kProcessesAt, 8 * kProcessStride},
    {"ring", false, kRingAt, u64{kRingSlots} * sizeof(RingSlot)},
    {"region", true, 0, sizeof(Region)},
    {"threads", true, kThreadsAt, 4 * kThreadStride},
    {"frames", true, kFramesAt, 1 << 20},
    {"stacks", true, kStacksAt, 1 << 20},
    {"live", true, kLiveAt, kFirstBuckets * sizeof(LiveBucket)},
};

unsigned char* find_ledger(bool region) {
  FILE* const maps = std::fopen("/proc/self/maps", "re");
  char line[4096];
  unsigned char* found = nullptr;
  while (maps && std::fgets(line, sizeof line, maps)) {
    unsigned long start = 0, offset = 0;
    if (!std::strstr(line, kFileName) || std::sscanf(line, "%lx-%*x %*s %lx", &start, &offset) != 2) continue;
    const bool is_region = offset >= kRegionsAt;
    if (is_region == region && !found) found = reinterpret_cast<unsigned char*>(start);
  }
  if (maps) std::fclose(maps);
  return found;
}

/// Calls nothing of the C library, which may allocate.
void scribble(unsigned char* at, u64 bytes, const std::string& pattern) {
  u64 random = std::strtoull(pattern.c_str(), nullptr, 10) * 0x9e3779b97f4a7c15ull | 1;
  const int fixed = pattern == "zeros" ? 0 : pattern == "ones" ? 0xff : pattern == "letters" ? 'A' : -1;
  for (u64 i = 0; i < bytes; ++i) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    at[i] = static_cast<unsigned char>(fixed >= 0 ? fixed : static_cast<int>(random & 0xff));
  }
}

void forge_record(unsigned char* ledger, const std::string& what) {
  Header& header = *reinterpret_cast<Header*>(ledger);
  const u64 ticket = header.ring_next++;
  RingSlot& slot = reinterpret_cast<RingSlot*>(ledger + kRingAt)[ticket % header.ring_slots];
  lg_record_fork record{};
  record.head.type = what == "type" ? 99 : LG_REC_FORK;
  record.child = what == "child" ? kMaxProcesses + 7 : 1;
  std::memcpy(slot.record, &record, sizeof record);
  slot.bytes = what == "short" ? 8 : sizeof record;
  __atomic_store_n(&slot.sequence, ticket + 1, __ATOMIC_RELEASE);
}

void forge_in_hand(unsigned char* region, const std::string& bytes) {
  Thread& thread = *reinterpret_cast<Thread*>(region + kThreadsAt);
  thread.moving_bytes = std::strtoull(bytes.c_str(), nullptr, 0);
  thread.moving = 0x7f0000000000;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 125;
  for (int i = 0; i < 300; ++i)
    live_keep(std::malloc(24));
  if (std::strcmp(argv[1], "record") == 0) {
    unsigned char* const ledger = find_ledger(false);
    if (!ledger) return 9;
    forge_record(ledger, argv[2]);
    _exit(0);
  }
  if (std::strcmp(argv[1], "hand") == 0) {
    unsigned char* const ledger = find_ledger(true);
    if (!ledger) return 9;
    forge_in_hand(ledger, argv[2]);
    return 0;
  }
  for (const Part& part : kParts) {
    if (std::strcmp(part.name, argv[1]) != 0) continue;
    unsigned char* const ledger = find_ledger(part.in_region);
    if (!ledger) return 9;
    scribble(ledger + part.offset, part.bytes, argv[2]);
    _exit(0);
  }
  return 125;
}
