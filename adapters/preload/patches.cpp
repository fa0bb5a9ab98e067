// SPDX-License-Identifier: Apache-2.0
// What leakgate has worked out from outside is done here from inside: detour code is mapped near the
// functions it belongs to, their first bytes become a jump to it, words that adapters look at are set. Code
// is written by way of /proc/self/mem, so that its pages never become writable.
#include "adapters/preload/process.h"

namespace leakgate::preload {
namespace {

constexpr long kReadWrite = 3, kReadExecute = 5, kPrivateAnonymousFixed = 0x100022;

bool map_code(const Patch& patch, const u8* content) {
  const long at = static_cast<long>(patch.address), room = static_cast<long>(patch.room);
  if (system_call(SYS_mmap, at, room, kReadWrite, kPrivateAnonymousFixed, -1, 0) != at) return false;
  copy_bytes(reinterpret_cast<void*>(at), content, patch.bytes);
  return system_call(SYS_mprotect, at, room, kReadExecute) == 0;
}

bool write_code(const Patch& patch, const u8* content) {
  const long fd = system_call(SYS_openat, -100, word("/proc/thread-self/mem"), 02 | 02000000);
  if (fd < 0) return false;
  const long done =
      system_call(SYS_pwrite64, fd, word(content), patch.bytes, static_cast<long>(patch.address));
  system_call(SYS_close, fd);
  return done == static_cast<long>(patch.bytes);
}

bool apply(const Patch& patch, const u8* content, bool& mapped) {
  const u64 entry = static_cast<u64>(word(&lg_query_entry));
  switch (patch.kind) {
    case kPatchMap:
      mapped = map_code(patch, content);
      return mapped;
    case kPatchText:
      return mapped && write_code(patch, content);
    case kPatchData:
      copy_bytes(reinterpret_cast<void*>(patch.address), content, patch.bytes);
      return true;
    case kPatchHook:
      copy_bytes(reinterpret_cast<void*>(patch.address), &entry, sizeof entry);
      return true;
    default:
      return false;
  }
}

}  // namespace

void apply_patches() {
  u8* at = g.region_bytes + kPatchesAt;
  u8* const end = at + kPatchBytes;
  bool mapped = false;
  while (at + sizeof(Patch) <= end) {
    const Patch& patch = *reinterpret_cast<const Patch*>(at);
    if (patch.kind == kPatchEnd) break;
    if (!apply(patch, at + sizeof(Patch), mapped)) ++g.region->patches_failed;
    at += sizeof(Patch) + ((patch.bytes + 7u) & ~7u);
  }
  clear_bytes(g.region_bytes + kPatchesAt, sizeof(Patch));
}

}  // namespace leakgate::preload
