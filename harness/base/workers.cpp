// SPDX-License-Identifier: Apache-2.0
// Starts threads, and does their share itself where the system gives none.
#include "harness/base/workers.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace leakgate {
namespace {
constexpr unsigned kMaxAutomatic = 8;
constexpr unsigned kMaxWorkers = 64;
}  // namespace

void run_workers(unsigned count, const std::function<void(unsigned worker)>& work) {
  std::mutex mutex;
  std::exception_ptr thrown;
  const auto run = [&](unsigned worker) noexcept {
    try {
      work(worker);
    } catch (...) {
      const std::lock_guard lock(mutex);
      thrown = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(count);
  unsigned started = 1;  // worker 0 is the caller
  try {
    for (; started < count; ++started)
      threads.emplace_back(run, started);
  } catch (const std::system_error&) {  // no thread to be had: the caller works for the rest
  }
  if (count > 0) run(0);
  for (unsigned worker = started; worker < count; ++worker)
    run(worker);
  for (std::thread& thread : threads)
    thread.join();
  if (thrown) std::rethrow_exception(thrown);
}

unsigned worker_count(unsigned wanted) {
  if (wanted != 0) return std::min(wanted, kMaxWorkers);
  // asked once: the answer is read from files
  static const unsigned processors = std::thread::hardware_concurrency();
  return std::clamp(processors, 1u, kMaxAutomatic);
}

}  // namespace leakgate
