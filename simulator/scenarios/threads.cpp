// SPDX-License-Identifier: Apache-2.0
// Families thread and process: leaks in other threads and in forked children.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>
#include <vector>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {
namespace {

LEAKGATE_SIM_NOINLINE char* thread_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void leak_from_thread(Run& run, std::uint32_t stream) {
  SizeSequence sizes = run.sizes(stream);
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    char* block = thread_block(site, bytes);
    fill(block, bytes);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, bytes);
    } else {
      release(block);
    }
  }
}

void second_thread(Run& run) {
  std::vector<std::thread> threads;
  for (std::uint32_t index = 0; index < run.threads(); ++index) {
    threads.emplace_back(leak_from_thread, std::ref(run), index);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

/// Raw pointer: nothing frees it when the thread ends. The clean twin's owner has a destructor that runs
/// then.
thread_local char* careless_buffer = nullptr;
thread_local std::unique_ptr<char[]> careful_buffer;

LEAKGATE_SIM_NOINLINE char* scratch_of_thread(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void use_thread_local(Run& run, std::uint32_t stream) {
  const std::size_t bytes = run.sizes(stream).next();
  Site site;
  char* buffer = scratch_of_thread(site, bytes);
  fill(buffer, bytes);
  if (run.leaking()) {
    careless_buffer = buffer;
    run.lost(Kind::definitely_lost, site, bytes);
  } else {
    careful_buffer.reset(buffer);
  }
}

void thread_exit_without_cleanup(Run& run) {
  for (std::uint32_t index = 0; index < run.threads(); ++index) {
    std::thread(use_thread_local, std::ref(run), index).join();
  }
}

/// One thread allocates, another one is meant to free.
void cross_thread_free(Run& run) {
  struct Parcel {
    char* block;
    std::size_t bytes;
    Site site;
  };
  std::vector<Parcel> parcels(run.count());
  std::thread producer([&] {
    SizeSequence sizes = run.sizes();
    for (Parcel& parcel : parcels) {
      parcel.bytes = sizes.next();
      parcel.block = thread_block(parcel.site, parcel.bytes);
      fill(parcel.block, parcel.bytes);
    }
  });
  producer.join();
  std::thread consumer([&] {
    // The leaking twin's consumer forgets every second parcel.
    for (std::size_t index = 0; index < parcels.size(); ++index) {
      if (run.leaking() && index % 2 == 1) {
        run.lost(Kind::definitely_lost, parcels[index].site, parcels[index].bytes);
      } else {
        release(parcels[index].block);
      }
    }
  });
  consumer.join();
}

LEAKGATE_SIM_NOINLINE char* child_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// Not inlined: the caller's frame is the one that the child ends in, and must not keep what was lost.
LEAKGATE_SIM_NOINLINE void leak_in_child(Run& run, std::uint32_t stream) {
  SizeSequence sizes = run.sizes(stream);
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    char* block = child_block(site, bytes);
    fill(block, bytes);
    if (run.leaking()) {
      run.lost_in_child(Kind::definitely_lost, site, bytes);
    } else {
      release(block);
    }
  }
}

void forked_child(Run& run) {
  for (std::uint32_t index = 0; index < run.threads(); ++index) {
    const pid_t child = fork();
    if (child < 0) return;
    if (child == 0) {
      leak_in_child(run, index);
      _exit(0);  // The parent's handlers and buffers are not the child's to run.
    }
    int status = 0;
    waitpid(child, &status, 0);
  }
}

constexpr Scenario kScenarios[] = {
    {"second_thread",
     "thread",
     "threads other than the main one drop blocks",
     "each thread deletes its own",
     {10, 64, 2, 1},
     second_thread},
    {"thread_exit_without_cleanup",
     "thread",
     "a thread ends, the block behind its raw thread_local stays",
     "the thread_local owns its block",
     {1, 256, 3, 1},
     thread_exit_without_cleanup},
    {"cross_thread_free",
     "thread",
     "the consumer forgets every second block of the producer",
     "the consumer frees all",
     {10, 64, 1, 1},
     cross_thread_free},
    {"forked_child",
     "process",
     "forked children drop blocks and end by _exit",
     "each child deletes its own",
     {10, 3000, 1, 1},
     forked_child},
};

}  // namespace

std::span<const Scenario> thread_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator
