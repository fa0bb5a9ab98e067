// SPDX-License-Identifier: Apache-2.0
// Looked up through the dynamic linker, which may allocate meanwhile: from a small room of our own.
#include "adapters/preload/real.h"
#include "adapters/preload/process.h"

#define LG_NEXT (reinterpret_cast<void*>(-1l))
extern "C" __attribute__((visibility("default"))) void* dlsym(void*, const char*);

namespace leakgate::preload {

Real real;
alignas(16) u8 early_blocks[kEarlyBytes];
extern "C" {
void* lg_real_pthread_create;
void* lg_real_system;
void* lg_real_popen;
}

namespace {

constexpr unsigned long kVdso = 33;  // AT_SYSINFO_EHDR
u64 early_used;

template <typename T>
void look_up(T& function, const char* name) {
  function = reinterpret_cast<T>(dlsym(LG_NEXT, name));
}

}  // namespace

void* early_block(u64 bytes, u64 alignment) {
  constexpr u64 kHead = 16;
  if (bytes > kEarlyBytes || alignment > kEarlyBytes) return nullptr;
  alignment = alignment < kHead ? kHead : alignment;
  const u64 need = kHead + bytes + alignment;
  const u64 at = __atomic_fetch_add(&early_used, (need + 15) & ~15ull, __ATOMIC_RELAXED);
  if (at + need > kEarlyBytes) return nullptr;
  const u64 block = (static_cast<u64>(word(early_blocks)) + at + kHead + alignment - 1) & ~(alignment - 1);
  *reinterpret_cast<u64*>(block - 8) = bytes;
  return reinterpret_cast<void*>(block);
}

u64 early_block_bytes(const void* block) {
  return *(static_cast<const u64*>(block) - 1);
}

bool find_real_slowly() {
  const u32 tid = own_tid();
  u32 nobody = 0;
  if (!__atomic_compare_exchange_n(&real.finder, &nobody, tid, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    if (nobody == tid) return false;
    while (!load(real.found))
      system_call(SYS_sched_yield);
    return true;
  }
  look_up(real.malloc, "malloc");
  look_up(real.calloc, "calloc");
  look_up(real.realloc, "realloc");
  look_up(real.reallocarray, "reallocarray");
  look_up(real.aligned_alloc, "aligned_alloc");
  look_up(real.memalign, "memalign");
  look_up(real.posix_memalign, "posix_memalign");
  look_up(real.valloc, "valloc");
  look_up(real.pvalloc, "pvalloc");
  look_up(real.free, "free");
  look_up(real.libc.malloc, "__libc_malloc");
  look_up(real.libc.calloc, "__libc_calloc");
  look_up(real.libc.realloc, "__libc_realloc");
  look_up(real.libc.memalign, "__libc_memalign");
  look_up(real.libc.valloc, "__libc_valloc");
  look_up(real.libc.pvalloc, "__libc_pvalloc");
  look_up(real.libc.free, "__libc_free");
  look_up(lg_real_pthread_create, "pthread_create");
  look_up(lg_real_system, "system");
  look_up(lg_real_popen, "popen");
  look_up(real.mlockall, "mlockall");
  look_up(real.prlimit, "prlimit");
  look_up(real.sigaltstack, "sigaltstack");
  look_up(real.mprotect, "mprotect");
  look_up(real.register_atfork, "__register_atfork");
  look_up(real.clock_gettime, "clock_gettime");
  look_up(real.fork, "_Fork");
  look_up(real.execve, "execve");
  look_up(real.execvpe, "execvpe");
  look_up(real.execveat, "execveat");
  look_up(real.fexecve, "fexecve");
  look_up(real.posix_spawn, "posix_spawn");
  look_up(real.posix_spawnp, "posix_spawnp");
  unsigned long (*auxiliary)(unsigned long) = nullptr;
  look_up(auxiliary, "getauxval");
  g.clock = auxiliary ? find_vdso_clock(auxiliary(kVdso)) : 0;
  if (!g.clock) g.clock = static_cast<u64>(word(real.clock_gettime));
  store(real.found, 1u);
  return true;
}

}  // namespace leakgate::preload
