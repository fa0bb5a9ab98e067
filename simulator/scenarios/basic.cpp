// SPDX-License-Identifier: Apache-2.0
// Family basic: one allocation function each, lost in the plainest way.
#include <cstdlib>
#include <cstring>
#include <limits>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {
namespace {

LEAKGATE_SIM_NOINLINE char* new_block(Site& site, std::size_t bytes) {
  return static_cast<char*>(LEAKGATE_SIM_AT(site, ::operator new(bytes)));
}

void plain_new(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    char* block = new_block(site, bytes);
    fill(block, bytes);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, bytes);
    } else {
      ::operator delete(block);
    }
  }
}

LEAKGATE_SIM_NOINLINE char* new_array_block(Site& site, std::size_t elements) {
  return LEAKGATE_SIM_AT(site, new char[elements]);
}

void new_array(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    char* block = new_array_block(site, bytes);
    fill(block, bytes);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, bytes);
    } else {
      release(block);
    }
  }
}

LEAKGATE_SIM_NOINLINE char* duplicate_text(Site& site, const char* text) {
  return LEAKGATE_SIM_AT(site, strdup(text));
}

void strdup_copy(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    char text[256] = {};
    const std::size_t length = sizes.next() % sizeof text;
    std::memset(text, 'x', length);
    Site site;
    char* copy = duplicate_text(site, text);
    keep(copy);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, length + 1);
    } else {
      std::free(copy);
    }
  }
}

LEAKGATE_SIM_NOINLINE void* grow(Site& site, void* block, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, std::realloc(block, bytes));
}

void realloc_chain(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    std::size_t bytes = sizes.next();
    Site site;
    void* block = nullptr;
    // Grows over the mmap threshold and shrinks back, so that blocks move as well as stay.
    for (const std::size_t factor : {1u, 2u, 7u, 4096u, 3u}) {
      block = grow(site, block, bytes * factor);
      fill(block, bytes * factor);
    }
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, bytes * 3);
    } else {
      std::free(block);
    }
  }
}

LEAKGATE_SIM_NOINLINE void* malloc_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, std::malloc(bytes));
}

/// A size no allocator can serve, behind a variable the compiler cannot see through.
std::size_t impossible_bytes() {
  volatile std::size_t bytes = std::numeric_limits<std::size_t>::max() / 4;
  return bytes;
}

LEAKGATE_SIM_NOINLINE void* grow_beyond_memory(void* block) {
  return std::realloc(block, impossible_bytes());
}

void failed_realloc(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    void* block = malloc_block(site, bytes);
    fill(block, bytes);
    void* grown = grow_beyond_memory(block);
    keep(grown);
    if (run.leaking()) {
      block = grown;  // The classic: p = realloc(p, n), and the old block is gone.
      keep(block);
      run.lost(Kind::definitely_lost, site, bytes);
    } else {
      std::free(block);
    }
  }
}

LEAKGATE_SIM_NOINLINE void* calloc_table_block(Site& site, std::size_t members, std::size_t member_bytes) {
  return LEAKGATE_SIM_AT(site, std::calloc(members, member_bytes));
}

void calloc_table(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t member_bytes = sizes.next();
    Site site;
    void* table = calloc_table_block(site, 3, member_bytes);
    keep(table);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, 3 * member_bytes);
    } else {
      std::free(table);
    }
  }
}

LEAKGATE_SIM_NOINLINE void* aligned_alloc_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, std::aligned_alloc(64, bytes));
}

LEAKGATE_SIM_NOINLINE void* posix_memalign_block(Site& site, std::size_t bytes) {
  void* block = nullptr;
  const int failed = LEAKGATE_SIM_AT(site, posix_memalign(&block, 128, bytes));
  return failed == 0 ? block : nullptr;
}

LEAKGATE_SIM_NOINLINE void* aligned_new_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, ::operator new(bytes, std::align_val_t(256)));
}

void aligned_blocks(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    // A multiple of every alignment, because operator new rounds its size up to one.
    const std::size_t bytes = (sizes.next() + 255) / 256 * 256;
    Site sites[3];
    void* blocks[3] = {aligned_alloc_block(sites[0], bytes), posix_memalign_block(sites[1], bytes),
                       aligned_new_block(sites[2], bytes)};
    for (int which = 0; which < 3; ++which) {
      fill(blocks[which], bytes);
      if (run.leaking()) run.lost(Kind::definitely_lost, sites[which], bytes);
    }
    if (!run.leaking()) {
      std::free(blocks[0]);
      std::free(blocks[1]);
      ::operator delete(blocks[2], std::align_val_t(256));
    }
  }
}

constexpr Parameters kDefaults{10, 64, 1, 1};
constexpr Scenario kScenarios[] = {
    {"plain_new", "basic", "operator new, and the pointer is dropped", "operator delete follows", kDefaults,
     plain_new},
    {"new_array", "basic", "new[], and the pointer is dropped", "delete[] follows", kDefaults, new_array},
    {"strdup_copy", "basic", "strdup, and the copy is dropped", "free follows", kDefaults, strdup_copy},
    {"realloc_chain", "basic", "a block grows and shrinks by realloc and is dropped",
     "the last block is freed", kDefaults, realloc_chain},
    {"failed_realloc", "basic", "p = realloc(p, too much): the old block is lost", "the old block is freed",
     kDefaults, failed_realloc},
    {"calloc_table", "basic", "a calloc'd table is dropped", "free follows", kDefaults, calloc_table},
    {"aligned_blocks",
     "basic",
     "aligned_alloc, posix_memalign and aligned new, all dropped",
     "all three are freed",
     {10, 256, 1, 1},
     aligned_blocks},
};

}  // namespace

std::span<const Scenario> basic_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator
