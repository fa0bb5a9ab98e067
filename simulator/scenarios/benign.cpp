// SPDX-License-Identifier: Apache-2.0
// Family benign: memory that looks leaked when its test ends and is given back later. The clean twins must
// never be reported; each leaking twin has the same shape and forgets the late release.
#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {
namespace {

/// A chain of blocks through their first words, one per twin so that the twins can run in one process.
struct Link {
  Link* next;
  Site site;
  std::size_t bytes;
};

Link* fixture_chain[2] = {nullptr, nullptr};

LEAKGATE_SIM_NOINLINE char* fixture_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

Link* chain_up(Link* head, char* block, const Site& site, std::size_t bytes) {
  return new (block) Link{head, site, bytes};
}

std::size_t link_bytes(std::size_t bytes) {
  return bytes < sizeof(Link) ? sizeof(Link) : bytes;
}

void fixture_teardown(Run& run) {
  SizeSequence sizes = run.sizes();
  Link*& head = fixture_chain[run.leaking() ? 0 : 1];
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = link_bytes(sizes.next());
    Site site;
    char* block = fixture_block(site, bytes);
    fill(block, bytes);
    head = chain_up(head, block, site, bytes);
  }
}

void drop_chain(Run& run, Link*& head) {
  Kind kind = Kind::definitely_lost;
  for (const Link* link = head; link != nullptr; link = link->next) {
    run.lost(kind, link->site, link->bytes);
    kind = Kind::indirectly_lost;
  }
  head = nullptr;
}

void free_chain(Link*& head) {
  while (head != nullptr) {
    Link* next = head->next;
    release(reinterpret_cast<char*>(head));
    head = next;
  }
}

void fixture_teardown_end(Run& run) {
  Link*& head = fixture_chain[run.leaking() ? 0 : 1];
  if (run.leaking()) {
    drop_chain(run, head);
  } else {
    free_chain(head);
  }
}

Link* freelist[2] = {nullptr, nullptr};

LEAKGATE_SIM_NOINLINE char* freelist_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void freelist_run(Run& run) {
  const std::size_t bytes = link_bytes(run.sizes().next());
  Link*& head = freelist[run.leaking() ? 0 : 1];
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site site;
    char* block = freelist_block(site, bytes);
    fill(block, bytes);
    head = chain_up(head, block, site, bytes);  // Given back to the list, not to the heap.
  }
}

void freelist_end(Run& run) {
  Link*& head = freelist[run.leaking() ? 0 : 1];
  if (run.leaking()) {
    drop_chain(run, head);
  } else {
    free_chain(head);
  }
}

struct Pool {
  char* chunk = nullptr;
  std::size_t bytes = 0;
  std::size_t used_bytes = 0;
  Site site;
};

Pool pools[2];

LEAKGATE_SIM_NOINLINE char* pool_chunk(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void pool_end(Run& run) {
  Pool& pool = pools[run.leaking() ? 0 : 1];
  if (pool.chunk == nullptr) return;
  if (run.leaking()) {
    run.lost(Kind::definitely_lost, pool.site, pool.bytes);
  } else {
    release(pool.chunk);
  }
  pool = Pool{};
}

void pool_run(Run& run) {
  Pool& pool = pools[run.leaking() ? 0 : 1];
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    if (pool.chunk == nullptr || pool.used_bytes + bytes > pool.bytes) {
      pool_end(run);  // A full chunk is retired; the leaking twin just forgets it.
      pool.bytes = 16 * bytes;
      pool.chunk = pool_chunk(pool.site, pool.bytes);
    }
    fill(pool.chunk + pool.used_bytes, bytes);
    pool.used_bytes += bytes;
  }
}

LEAKGATE_SIM_NOINLINE char* table_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// Built once per process, however often it is asked for.
char* careless_table(Run& run) {
  static char* table = [&run] {
    const std::size_t bytes = run.sizes().next();
    Site site;
    char* built = table_block(site, bytes);
    fill(built, bytes);
    run.lost(Kind::still_reachable, site, bytes);
    return built;
  }();
  return table;
}

char* careful_table(Run& run) {
  static const std::unique_ptr<char[]> table = [&run] {
    const std::size_t bytes = run.sizes().next();
    Site site;
    std::unique_ptr<char[]> built(table_block(site, bytes));
    fill(built.get(), bytes);
    return built;
  }();
  return table.get();
}

void lazy_static(Run& run) {
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    keep(run.leaking() ? careless_table(run) : careful_table(run));
  }
}

/// A worker that frees what it is handed, some time after the test is over.
class Worker {
 public:
  void start() {
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  }
  void hand_over(char* block) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(block);
  }
  void drain_and_stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
    stopping_ = false;
    queue_ = {};
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_; });
    for (char* block : queue_) {
      release(block);
    }
    queue_.clear();
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::vector<char*> queue_;
  std::thread thread_;
};

Worker worker;

LEAKGATE_SIM_NOINLINE char* job_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void worker_delayed_free(Run& run) {
  worker.start();
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    char* job = job_block(site, bytes);
    fill(job, bytes);
    if (run.leaking() && round % 2 == 1) {
      run.lost(Kind::definitely_lost, site, bytes);  // Never handed over.
    } else {
      worker.hand_over(job);
    }
  }
}

void worker_delayed_free_end(Run&) {
  worker.drain_and_stop();
}

LEAKGATE_SIM_NOINLINE char* frame_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// Front and back buffer swap each round; the careless twin replaces the back one without freeing it.
void double_buffer_swap(Run& run) {
  SizeSequence sizes = run.sizes();
  Site front_site;
  Site back_site;
  char* front = frame_block(front_site, sizes.next());
  std::size_t back_bytes = sizes.next();
  char* back = frame_block(back_site, back_bytes);
  fill(back, back_bytes);
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, back_site, back_bytes);
    } else {
      release(back);
    }
    back_bytes = sizes.next();
    back = frame_block(back_site, back_bytes);
    fill(back, back_bytes);
  }
  std::swap(front, back);
  release(front);
  release(back);
}

struct Plugin {
  Plugin* next = nullptr;
  std::uint64_t state[7] = {};
};

Plugin* registry[2] = {nullptr, nullptr};

LEAKGATE_SIM_NOINLINE Plugin* new_plugin(Site& site) {
  return LEAKGATE_SIM_AT(site, new Plugin());
}

void global_registry(Run& run) {
  Plugin*& head = registry[run.leaking() ? 0 : 1];
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site site;
    Plugin* plugin = new_plugin(site);
    plugin->next = head;
    head = plugin;
    if (run.leaking()) run.lost(Kind::still_reachable, site, sizeof(Plugin));
  }
}

void global_registry_end(Run& run) {
  Plugin*& head = registry[run.leaking() ? 0 : 1];
  while (!run.leaking() && head != nullptr) {
    Plugin* next = head->next;
    delete head;
    head = next;
  }
}

constexpr Parameters kDefaults{10, 96, 1, 1};
constexpr Scenario kScenarios[] = {
    {"fixture_teardown", "benign", "the fixture's tear-down forgets what the test put there",
     "the tear-down frees what the test put there (a late free)", kDefaults, fixture_teardown,
     fixture_teardown_end},
    {"freelist", "benign", "the free list's head is lost at the end", "the free list is drained at the end",
     kDefaults, freelist_run, freelist_end},
    {"pool",
     "benign",
     "full chunks of a pool are forgotten",
     "each chunk is freed, the last one at the end",
     {40, 64, 1, 1},
     pool_run,
     pool_end},
    {"lazy_static",
     "benign",
     "a table built at first use stays behind a raw static pointer",
     "a static owner frees the table at exit",
     {3, 512, 1, 1},
     lazy_static},
    {"worker_delayed_free", "benign", "every second job is never handed to the worker",
     "a worker frees the jobs after the test", kDefaults, worker_delayed_free, worker_delayed_free_end},
    {"double_buffer_swap", "benign", "the back buffer is replaced without being freed",
     "the back buffer is freed first", kDefaults, double_buffer_swap},
    {"global_registry", "benign", "plug-ins stay registered for ever", "plug-ins are unregistered at the end",
     kDefaults, global_registry, global_registry_end},
};

}  // namespace

std::span<const Scenario> benign_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator
