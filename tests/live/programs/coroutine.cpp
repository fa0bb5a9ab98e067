// SPDX-License-Identifier: Apache-2.0
// A coroutine that loses a block, and one that is kept. GCC gives the function that it makes of one a
// parameter whose type stands inside that function.
// truth: 1 block of 77 bytes
#include <coroutine>
#include <cstdlib>
#include <initializer_list>

#include "common.h"

namespace {

struct Task {
  struct promise_type {
    Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> handle;
};

void* kept = nullptr;

}  // namespace

Task lose() {
  live_keep(std::malloc(77));
  co_return;
}

Task keep() {
  kept = std::malloc(88);
  live_keep(&kept);
  co_return;
}

int main() {
  for (const Task task : {lose(), keep()}) {
    task.handle.resume();
    task.handle.destroy();
  }
  return 0;
}
