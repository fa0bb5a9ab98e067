// SPDX-License-Identifier: Apache-2.0
// Random use of the whole malloc family from several threads, with an exact record of its own, kept in mapped
// memory: what a tracer must say about this run, computed without any allocation of its own.
//   live_random_alloc [--ops N] [--threads T] [--seed S] [--out FILE] [--fork-children C] [--pvalloc 0]
// truth: the JSON it writes at its end (standard output, or FILE):
//   {"seed","ops","threads","allocations","frees","blocks","bytes","sites":{"site_malloc":{"blocks","bytes"},..}}
// A site is the function that called the allocator. Failed calls are made too and change nothing. realloc
// counts as a free and an allocation. With children, each forked child runs the same work (seed + its number)
// and leaves its JSON in FILE.1, FILE.2, ...: its own blocks only, without what it inherited.
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "common.h"

namespace {

enum Site {
  site_malloc_at,
  site_calloc_at,
  site_realloc_at,
  site_reallocarray_at,
  site_aligned_alloc_at,
  site_posix_memalign_at,
  site_memalign_at,
  site_valloc_at,
  site_pvalloc_at,
  site_new_at,
  site_count
};

constexpr const char* kSiteNames[site_count] = {
    "site_malloc",         "site_calloc",   "site_realloc", "site_reallocarray", "site_aligned_alloc",
    "site_posix_memalign", "site_memalign", "site_valloc",  "site_pvalloc",      "site_new"};

constexpr std::size_t kSlots = 4096;
constexpr int kMaxThreads = 256;

/// A slot holds at most one block; its lock is held over the allocator call, so that record and heap never
/// disagree.
struct Slot {
  std::atomic_flag busy = ATOMIC_FLAG_INIT;
  void* block;
  std::uint64_t bytes;
  Site site;
};

struct Record {
  std::array<Slot, kSlots> slots;
  std::atomic<std::uint64_t> allocations;
  std::atomic<std::uint64_t> frees;
};

struct Options {
  std::uint64_t ops = 100000;
  int threads = 4;
  std::uint64_t seed = 1;
  const char* out = nullptr;
  int children = 0;
  bool pvalloc = true;  // jemalloc has none, and cannot free glibc's
};

Record* record = nullptr;
Options options;

std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15u;
  std::uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return mixed ^ (mixed >> 31);
}

LIVE_NOINLINE void* site_malloc(std::size_t bytes) {
  void* block = std::malloc(bytes);
  live_keep(block);
  return block;
}

LIVE_NOINLINE void* site_calloc(std::size_t members, std::size_t bytes) {
  void* block = std::calloc(members, bytes);
  live_keep(block);
  return block;
}

LIVE_NOINLINE void* site_realloc(void* old, std::size_t bytes) {
  void* block = std::realloc(old, bytes);
  live_keep(block);
  return block;
}

LIVE_NOINLINE void* site_reallocarray(void* old, std::size_t members, std::size_t bytes) {
  void* block = reallocarray(old, members, bytes);
  live_keep(block);
  return block;
}

LIVE_NOINLINE void* site_aligned_alloc(std::size_t alignment, std::size_t bytes) {
  void* block = std::aligned_alloc(alignment, bytes);
  live_keep(block);
  return block;
}

LIVE_NOINLINE void* site_posix_memalign(std::size_t alignment, std::size_t bytes) {
  void* block = nullptr;
  if (posix_memalign(&block, alignment, bytes) != 0) return nullptr;
  live_keep(block);
  return block;
}

LIVE_NOINLINE void* site_memalign(std::size_t alignment, std::size_t bytes) {
  void* block = memalign(alignment, bytes);
  live_keep(block);
  return block;
}

LIVE_NOINLINE void* site_valloc(std::size_t bytes) {
  void* block = valloc(bytes);
  live_keep(block);
  return block;
}

LIVE_NOINLINE void* site_pvalloc(std::size_t bytes) {
  void* block = pvalloc(bytes);
  live_keep(block);
  return block;
}

LIVE_NOINLINE void* site_new(std::size_t bytes) {
  void* block = ::operator new(bytes);
  live_keep(block);
  return block;
}

LIVE_NOINLINE void release(void* block) {
  std::free(block);
}

/// A block from operator new, by either form of delete.
LIVE_NOINLINE void release_new(void* block, std::size_t bytes) {
  if (bytes % 2 == 0) return ::operator delete(block, bytes);
  ::operator delete(block);
}

void put(Slot& slot, Site site, void* block, std::uint64_t bytes) {
  if (block == nullptr) return;
  slot.block = block;
  slot.bytes = bytes;
  slot.site = site;
  record->allocations.fetch_add(1, std::memory_order_relaxed);
}

void take_out(Slot& slot) {
  if (slot.site == site_new_at) {
    release_new(slot.block, slot.bytes);
  } else {
    release(slot.block);
  }
  slot.block = nullptr;
  record->frees.fetch_add(1, std::memory_order_relaxed);
}

/// Sizes as programs have them: mostly small, some zero, a few beyond the mmap threshold.
std::size_t random_bytes(std::uint64_t& state) {
  const std::uint64_t dice = next_random(state) % 1000;
  if (dice < 5) return 0;
  if (dice < 900) return 1 + next_random(state) % 512;
  if (dice < 995) return 1 + next_random(state) % 16384;
  return 131072 + next_random(state) % 262144;
}

void allocate(Slot& slot, std::uint64_t& state) {
  auto site = static_cast<Site>(next_random(state) % site_count);
  if (site == site_pvalloc_at && !options.pvalloc) site = site_valloc_at;
  const std::size_t bytes = random_bytes(state);
  const std::size_t members = 1 + next_random(state) % 4;
  const std::size_t alignment = std::size_t{16} << (next_random(state) % 6);
  switch (site) {
    case site_malloc_at:
      return put(slot, site, site_malloc(bytes), bytes);
    case site_calloc_at:
      return put(slot, site, site_calloc(members, bytes), members * bytes);
    case site_realloc_at:
      return put(slot, site, site_realloc(nullptr, bytes), bytes);
    case site_reallocarray_at:
      return put(slot, site, site_reallocarray(nullptr, members, bytes), members * bytes);
    case site_aligned_alloc_at:
      return put(slot, site, site_aligned_alloc(alignment, bytes), bytes);
    case site_posix_memalign_at:
      return put(slot, site, site_posix_memalign(alignment, bytes), bytes);
    case site_memalign_at:
      return put(slot, site, site_memalign(alignment, bytes), bytes);
    case site_valloc_at:
      return put(slot, site, site_valloc(bytes), bytes);
    case site_pvalloc_at:
      return put(slot, site, site_pvalloc(bytes), bytes);
    case site_new_at:
      // libstdc++'s asks malloc for at least one byte, others take what they are given
      return put(slot, site, site_new(bytes == 0 ? 1 : bytes), bytes == 0 ? 1 : bytes);
    case site_count:
      return;
  }
}

/// Gives the block another size; now and then an impossible one, after which the old block must still be
/// there.
void resize(Slot& slot, std::uint64_t& state) {
  const bool as_array = next_random(state) % 2 == 0;
  const bool impossible = next_random(state) % 16 == 0;
  const std::size_t bytes = impossible ? live_opaque(SIZE_MAX / 4) : 1 + random_bytes(state);
  const std::size_t members = as_array && !impossible ? 1 + next_random(state) % 4 : 1;
  void* moved = as_array ? site_reallocarray(slot.block, members, bytes) : site_realloc(slot.block, bytes);
  if (moved == nullptr) return;
  record->frees.fetch_add(1, std::memory_order_relaxed);
  put(slot, as_array ? site_reallocarray_at : site_realloc_at, moved, members * bytes);
}

void fail_on_purpose(std::uint64_t& state) {
  switch (next_random(state) % 5) {
    case 0:
      live_keep(site_malloc(live_opaque(SIZE_MAX / 4)));
      break;
    case 1:
      live_keep(site_calloc(live_opaque(SIZE_MAX / 2), 4));
      break;
    case 2:
      live_keep(site_posix_memalign(64, live_opaque(SIZE_MAX / 4)));
      break;
    case 3:
      live_keep(site_aligned_alloc(64, live_opaque(SIZE_MAX / 4)));
      break;
    default:
      release(nullptr);
      break;
  }
}

void work(std::uint64_t seed) {
  std::uint64_t state = seed;
  for (std::uint64_t op = 0; op < options.ops; ++op) {
    Slot& slot = record->slots[next_random(state) % kSlots];
    // Another thread has the slot: take another one.
    if (slot.busy.test_and_set(std::memory_order_acquire)) continue;
    const std::uint64_t dice = next_random(state) % 100;
    if (dice == 0) {
      fail_on_purpose(state);
    } else if (slot.block == nullptr) {
      allocate(slot, state);
    } else if (dice < 30) {
      resize(slot, state);
    } else {
      take_out(slot);
    }
    slot.busy.clear(std::memory_order_release);
  }
}

void* thread_main(void* number) {
  work(options.seed * 1000003 + reinterpret_cast<std::uintptr_t>(number));
  return nullptr;
}

bool run_threads() {
  pthread_t threads[kMaxThreads];
  int started = 0;
  bool all = true;
  for (; started + 1 < options.threads; ++started) {
    auto* number = reinterpret_cast<void*>(static_cast<std::uintptr_t>(started) + 1);
    if (pthread_create(&threads[started], nullptr, thread_main, number) != 0) {
      all = false;
      break;
    }
  }
  work(options.seed * 1000003);
  for (int index = 0; index < started; ++index) {
    pthread_join(threads[index], nullptr);
  }
  return all;
}

bool write_record(const char* path) {
  std::uint64_t blocks[site_count] = {};
  std::uint64_t bytes[site_count] = {};
  std::uint64_t all_blocks = 0;
  std::uint64_t all_bytes = 0;
  for (const Slot& slot : record->slots) {
    if (slot.block == nullptr) continue;
    ++blocks[slot.site];
    bytes[slot.site] += slot.bytes;
    ++all_blocks;
    all_bytes += slot.bytes;
  }
  char text[4096];
  int length = std::snprintf(
      text, sizeof text,
      "{\"seed\":%llu,\"ops\":%llu,\"threads\":%d,\"allocations\":%llu,\"frees\":%llu,"
      "\"blocks\":%llu,\"bytes\":%llu,\"sites\":{",
      static_cast<unsigned long long>(options.seed), static_cast<unsigned long long>(options.ops),
      options.threads, static_cast<unsigned long long>(record->allocations.load()),
      static_cast<unsigned long long>(record->frees.load()), static_cast<unsigned long long>(all_blocks),
      static_cast<unsigned long long>(all_bytes));
  for (int site = 0; site < site_count; ++site) {
    length += std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length),
                            "%s\"%s\":{\"blocks\":%llu,\"bytes\":%llu}", site == 0 ? "" : ",",
                            kSiteNames[site], static_cast<unsigned long long>(blocks[site]),
                            static_cast<unsigned long long>(bytes[site]));
  }
  length += std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length), "}}\n");
  const int fd = path == nullptr ? STDOUT_FILENO : open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  const bool written = write(fd, text, static_cast<std::size_t>(length)) == length;
  if (path != nullptr) close(fd);
  return written;
}

bool map_record() {
  void* memory = mmap(nullptr, sizeof(Record), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  record = new (memory) Record();
  return true;
}

[[noreturn]] void run_child(int number) {
  char path[4096];
  std::snprintf(path, sizeof path, "%s.%d", options.out, number);
  options.seed += static_cast<std::uint64_t>(number);
  // A record of its own: inherited blocks are the parent's and stay untouched.
  const bool good = map_record() && run_threads() && write_record(path);
  _exit(good ? 0 : 1);
}

bool run_children() {
  for (int number = 1; number <= options.children; ++number) {
    const pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) run_child(number);
  }
  bool all = true;
  int status = 0;
  while (wait(&status) > 0) {
    all = all && status == 0;
  }
  return all;
}

bool parse(int argc, char** argv) {
  for (int index = 1; index + 1 < argc; index += 2) {
    const char* value = argv[index + 1];
    if (std::strcmp(argv[index], "--ops") == 0) {
      options.ops = std::strtoull(value, nullptr, 10);
    } else if (std::strcmp(argv[index], "--threads") == 0) {
      options.threads = std::atoi(value);
    } else if (std::strcmp(argv[index], "--seed") == 0) {
      options.seed = std::strtoull(value, nullptr, 10);
    } else if (std::strcmp(argv[index], "--out") == 0) {
      options.out = value;
    } else if (std::strcmp(argv[index], "--pvalloc") == 0) {
      options.pvalloc = std::atoi(value) != 0;
    } else if (std::strcmp(argv[index], "--fork-children") == 0) {
      options.children = std::atoi(value);
    } else {
      return false;
    }
  }
  const bool children_can_report = options.children == 0 || options.out != nullptr;
  return argc % 2 == 1 && options.threads >= 1 && options.threads <= kMaxThreads && children_can_report;
}

}  // namespace

int main(int argc, char** argv) {
  if (!parse(argc, argv)) return 2;
  if (!map_record() || !run_threads() || !run_children()) return 1;
  return write_record(options.out) ? 0 : 1;
}
