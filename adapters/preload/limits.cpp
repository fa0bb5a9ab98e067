// SPDX-License-Identifier: Apache-2.0
// What a program is told of its address space, and asks of it, with the ledger left out, which is in it.
#include "adapters/preload/real.h"

namespace leakgate::preload {
namespace {

constexpr int kAddressSpace = 9;  // RLIMIT_AS
constexpr u64 kNoLimit = ~u64{0};
constexpr u64 kOwnBytes = kControlBytes + kRegionBytes + kMiB;  // with room for the code of detours

struct Limit {
  u64 soft;
  u64 hard;
};

u64 with_ours(u64 limit) {
  return limit < kNoLimit - kOwnBytes ? limit + kOwnBytes : kNoLimit;
}
u64 without_ours(u64 limit) {
  if (limit == kNoLimit) return limit;
  return limit > kOwnBytes ? limit - kOwnBytes : 0;
}

int limit_space(int pid, const Limit* wanted, Limit* old) {
  Limit given{};
  if (wanted) given = {with_ours(wanted->soft), with_ours(wanted->hard)};
  const int result = real.prlimit(pid, kAddressSpace, wanted ? &given : nullptr, old);
  if (result == 0 && old) *old = {without_ours(old->soft), without_ours(old->hard)};
  return result;
}

int change_limit(int pid, int resource, const Limit* wanted, Limit* old) {
  if (!find_real() || !real.prlimit)
    return system_call(SYS_prlimit64, pid, resource, word(wanted), word(old)) == 0 ? 0 : -1;
  const bool is_own = pid == 0 || static_cast<u32>(pid) == own_pid();
  if (resource != kAddressSpace || !is_own || !current_thread())
    return real.prlimit(pid, resource, wanted, old);
  return limit_space(pid, wanted, old);
}

}  // namespace

#define LG_EXPORT extern "C" __attribute__((visibility("default")))

LG_EXPORT int prlimit(int pid, int resource, const Limit* wanted, Limit* old) {
  return change_limit(pid, resource, wanted, old);
}
LG_EXPORT int prlimit64(int pid, int resource, const Limit* wanted, Limit* old) {
  return change_limit(pid, resource, wanted, old);
}
LG_EXPORT int getrlimit(int resource, Limit* limit) {
  return change_limit(0, resource, nullptr, limit);
}
LG_EXPORT int getrlimit64(int resource, Limit* limit) {
  return change_limit(0, resource, nullptr, limit);
}
LG_EXPORT int setrlimit(int resource, const Limit* limit) {
  return change_limit(0, resource, limit, nullptr);
}
LG_EXPORT int setrlimit64(int resource, const Limit* limit) {
  return change_limit(0, resource, limit, nullptr);
}

/// The ledger is hardly any of it memory: locked as a whole it would be more than there is. What is touched
/// is locked.
LG_EXPORT int mlockall(int flags) {
  constexpr int kCurrent = 1, kFuture = 2, kOnFault = 4;
  const int limited = flags & (kCurrent | kFuture) ? flags | kOnFault : flags;
  if (!find_real() || !real.mlockall) return system_call(SYS_mlockall, limited) == 0 ? 0 : -1;
  return real.mlockall(limited);
}

}  // namespace leakgate::preload
