// SPDX-License-Identifier: Apache-2.0
// Families thread, process and benign, second part: blocks that outlive a thread, a fork or a test, and the
// look-alikes that are given back in the end.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstdlib>
#include <locale>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {
namespace {

/// A count that threads wait for; nothing in it allocates.
class Latch {
 public:
  void count() {
    const std::lock_guard lock(mutex_);
    ++counted_;
    changed_.notify_all();
  }
  void wait_for(std::uint32_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return counted_ >= number; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint32_t counted_ = 0;
};

LEAKGATE_SIM_NOINLINE char* detached_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

LEAKGATE_SIM_NOINLINE void work_detached(Run& run, std::uint32_t stream) {
  SizeSequence sizes = run.sizes(stream);
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    char* block = detached_block(site, bytes);
    fill(block, bytes);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, bytes);
    } else {
      release(block);
    }
  }
}

/// Nobody joins these; the process waits only until their work is done.
void detached_thread(Run& run) {
  Latch done;
  for (std::uint32_t index = 0; index < run.threads(); ++index) {
    std::thread([&run, &done, index] {
      work_detached(run, index);
      done.count();
    }).detach();
  }
  done.wait_for(run.threads());
  ::usleep(20000);  // what the threads' own end frees is not our affair
}

LEAKGATE_SIM_NOINLINE void* key_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, std::malloc(bytes));
}

/// The key of the careless twin has no destructor.
std::array<pthread_key_t, 2> thread_keys;
std::array<bool, 2> thread_key_made{};

LEAKGATE_SIM_NOINLINE void use_key(Run& run, pthread_key_t key, std::uint32_t stream) {
  const std::size_t bytes = run.sizes(stream).next();
  Site site;
  void* block = key_block(site, bytes);
  fill(block, bytes);
  if (pthread_setspecific(key, block) == 0 && run.leaking()) run.lost(Kind::definitely_lost, site, bytes);
}

void thread_key_without_destructor(Run& run) {
  const std::size_t side = run.leaking() ? 0 : 1;
  if (!std::exchange(thread_key_made[side], true) &&
      pthread_key_create(&thread_keys[side], run.leaking() ? nullptr : std::free) != 0)
    return;
  for (std::uint32_t index = 0; index < run.threads(); ++index) {
    std::thread([&run, side, index] { use_key(run, thread_keys[side], index); }).join();
  }
}

LEAKGATE_SIM_NOINLINE char* task_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// A queue is closed with tasks in it.
void dropped_task_queue(Run& run) {
  std::vector<char*> queue;
  std::vector<std::size_t> queue_bytes;
  SizeSequence sizes = run.sizes();
  Site site;
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    queue.push_back(task_block(site, bytes));
    queue_bytes.push_back(bytes);
    fill(queue.back(), bytes);
  }
  std::thread([&] {
    for (std::size_t index = 0; index < queue.size(); ++index) {
      if (run.leaking() && index >= queue.size() / 2) {
        run.lost(Kind::definitely_lost, site, queue_bytes[index]);
      } else {
        release(queue[index]);
      }
      queue[index] = nullptr;
    }
  }).join();
}

LEAKGATE_SIM_NOINLINE char* inherited_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// The child frees its copy of each block, which frees nothing of the parent's.
void fork_after_allocation(Run& run) {
  SizeSequence sizes = run.sizes();
  std::vector<char*> blocks;
  Site site;
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    blocks.push_back(inherited_block(site, bytes));
    fill(blocks.back(), bytes);
    if (run.leaking()) run.lost(Kind::definitely_lost, site, bytes);
  }
  const pid_t child = fork();
  if (child == 0) {
    for (char* block : blocks) {
      release(block);
    }
    _exit(0);
  }
  int status = 0;
  if (child > 0) waitpid(child, &status, 0);
  for (char*& block : blocks) {
    if (!run.leaking()) release(block);
    block = nullptr;
  }
}

struct Document {
  std::uint64_t text[12] = {};
};
std::array<std::array<std::shared_ptr<Document>, 8>, 2> open_documents;
Site document_site;

LEAKGATE_SIM_NOINLINE std::shared_ptr<Document> open_document(Site& site) {
  return LEAKGATE_SIM_AT(site, std::make_shared<Document>());
}

/// The last owner lets go late.
void shared_owner_late(Run& run) {
  for (auto& document : open_documents[run.leaking() ? 0 : 1])
    document = open_document(document_site);
}

void shared_owner_late_end(Run& run) {
  const std::size_t bytes = shared_block_bytes<Document>();
  for (auto& document : open_documents[run.leaking() ? 0 : 1]) {
    // the careless twin forgets its reference: a shared_ptr that is never destroyed
    if (run.leaking()) {
      new (&document) std::shared_ptr<Document>();
      run.lost(Kind::definitely_lost, document_site, bytes);
    }
    document.reset();
  }
}

/// An arena: blocks are cut from chunks, chunks hang together and are freed at once.
struct Chunk {
  Chunk* before;
};
std::array<Chunk*, 2> arena{};

LEAKGATE_SIM_NOINLINE char* arena_chunk(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void arena_freed_at_exit(Run& run) {
  Chunk*& top = arena[run.leaking() ? 0 : 1];
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = 16 * run.sizes().next();
    Site site;
    char* memory = arena_chunk(site, bytes);
    fill(memory, bytes);
    top = new (memory) Chunk{top};
    if (run.leaking()) run.lost(Kind::still_reachable, site, bytes);
  }
}

void arena_freed_at_exit_end(Run& run) {
  Chunk*& top = arena[run.leaking() ? 0 : 1];
  while (!run.leaking() && top != nullptr) {
    Chunk* const before = top->before;
    release(reinterpret_cast<char*>(top));
    top = before;
  }
}

LEAKGATE_SIM_NOINLINE char* line_copy(Site& site, const std::string& line) {
  char* copy = LEAKGATE_SIM_AT(site, new char[line.size() + 1]);
  line.copy(copy, line.size());
  copy[line.size()] = 0;
  return copy;
}

/// A facet of our own, which its locale owns.
struct Dots : std::numpunct<char> {
 protected:
  [[nodiscard]] char do_decimal_point() const override { return ','; }
};

/// Streams, locales and facets allocate behind the scenes, some of it for ever; only the copy is ours.
void iostream_and_locale(Run& run) {
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    std::ostringstream text;
    text.imbue(std::locale(std::locale::classic(), new Dots()));
    text << 1234567.25 << ' ' << true << " a line that is too long for the small string optimisation";
    Site site;
    char* copy = line_copy(site, text.str());
    keep(copy);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, text.str().size() + 1);
    } else {
      release(copy);
    }
  }
}

thread_local std::vector<char> scratch_buffer;

LEAKGATE_SIM_NOINLINE char* result_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// Each thread grows a buffer of its own, which its end frees; the careless twin forgets the results.
void thread_local_buffer(Run& run) {
  for (std::uint32_t index = 0; index < run.threads(); ++index) {
    std::thread([&run, index] {
      SizeSequence sizes = run.sizes(index);
      for (std::uint32_t round = 0; round < run.count(); ++round) {
        const std::size_t bytes = sizes.next();
        scratch_buffer.assign(bytes * 4, 'x');
        Site site;
        char* result = result_block(site, bytes);
        fill(result, bytes);
        if (run.leaking()) {
          run.lost(Kind::definitely_lost, site, bytes);
        } else {
          release(result);
        }
      }
    }).join();
  }
}

/// Freed by a static destructor, after everything else.
class TearDown {
 public:
  ~TearDown() { release(table_); }
  void keep_table(char* table) {
    release(table_);
    table_ = table;
  }

 private:
  char* table_ = nullptr;
};

TearDown tear_down;
char* volatile forgotten_table = nullptr;

LEAKGATE_SIM_NOINLINE char* global_table(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void freed_in_global_teardown(Run& run) {
  SizeSequence sizes = run.sizes();
  std::size_t last_bytes = 0;
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    char* table = global_table(site, bytes);
    fill(table, bytes);
    if (!run.leaking()) {
      tear_down.keep_table(table);
      continue;
    }
    // replaced, and the old one forgotten; the last one stays
    if (round > 0) run.lost(Kind::definitely_lost, site, last_bytes);
    if (round + 1 == run.count()) run.lost(Kind::still_reachable, site, bytes);
    forgotten_table = table;
    last_bytes = bytes;
  }
}

constexpr Parameters kDefaults{8, 80, 1, 1};
constexpr Scenario kScenarios[] = {
    {"detached_thread",
     "thread",
     "detached threads drop blocks",
     "each deletes its own",
     {8, 80, 3, 1},
     detached_thread},
    {"thread_key_without_destructor",
     "thread",
     "a thread's block hangs on a key without destructor",
     "the key's destructor frees it",
     {1, 200, 3, 1},
     thread_key_without_destructor},
    {"dropped_task_queue", "thread", "a queue is closed with half of its tasks in it",
     "all tasks are done and deleted", kDefaults, dropped_task_queue},
    {"fork_after_allocation",
     "process",
     "a child frees its copy of the blocks, the parent forgets them",
     "the parent deletes them too",
     {8, 2000, 1, 1},
     fork_after_allocation},
    {"shared_owner_late", "benign", "the last shared_ptr is forgotten instead of reset",
     "the last shared_ptr is reset at the end", kDefaults, shared_owner_late, shared_owner_late_end},
    {"arena_freed_at_exit", "benign", "an arena's chunks are never freed", "the arena is freed at the end",
     kDefaults, arena_freed_at_exit, arena_freed_at_exit_end},
    {"iostream_and_locale", "benign", "a copy of what a stream formatted is forgotten",
     "the copy is deleted; what the stream keeps is its own", kDefaults, iostream_and_locale},
    {"thread_local_buffer",
     "benign",
     "results beside a thread's own buffer are forgotten",
     "the results are deleted; the buffer goes with its thread",
     {4, 80, 3, 1},
     thread_local_buffer},
    {"freed_in_global_teardown", "benign", "a global table is replaced and the old one forgotten",
     "the table is freed by a static destructor", kDefaults, freed_in_global_teardown},
};

}  // namespace

std::span<const Scenario> lifetime_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator
