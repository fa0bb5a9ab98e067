// SPDX-License-Identifier: Apache-2.0
// Stack corpus, C++: one leak for each way in which C++ code comes to an allocation. gdb_test compares each
// stack with the debugger's. Argument: a plug-in to load. truth: 15 leaks, of 70,021 to 70,035 bytes, and 2
// of the plug-in, of 70,041 and 70,042
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <coroutine>
#include <csignal>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "corpus.h"

namespace corpus {
namespace {

void* volatile g_block;

template <int Bytes>
struct Sized {
  char bytes[CORPUS_FIRST_BYTES + Bytes];
};

/// Runs before main.
struct Early {
  Early() {
    g_block = std::malloc(corpus_bytes(21));
    CORPUS_AFTER_CALL();
  }
};
Early g_early;

CORPUS_NOINLINE void leak_by_new() {
  g_block = new Sized<22>;
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE void leak_by_vector() {
  alignas(std::vector<char>) static char place[sizeof(std::vector<char>)];
  corpus_keep(new (place) std::vector<char>(corpus_bytes(23)));
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE void leak_by_string() {
  alignas(std::string) static char place[sizeof(std::string)];
  corpus_keep(new (place) std::string(corpus_bytes(23), 'x'));  // one more for the terminator
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE void throw_error(int depth) {
  if (depth == 0) throw std::runtime_error("thrown on purpose");
  throw_error(depth - 1);
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE void leak_in_handler() {
  try {
    throw_error(3);
  } catch (const std::exception&) {
    g_block = std::malloc(corpus_bytes(25));
    CORPUS_AFTER_CALL();
  }
}

struct LeaksWhenDestroyed {
  CORPUS_NOINLINE ~LeaksWhenDestroyed() {
    g_block = std::malloc(corpus_bytes(26));
    CORPUS_AFTER_CALL();
  }
};

CORPUS_NOINLINE void pass_exception() {
  LeaksWhenDestroyed guard;
  corpus_keep(&guard);
  throw_error(2);
}

/// The allocation happens while an exception is on its way.
CORPUS_NOINLINE void leak_while_unwinding() {
  try {
    pass_exception();
  } catch (const std::exception&) {
    CORPUS_AFTER_CALL();
  }
}

CORPUS_NOINLINE int recurse(int depth) {
  int below = 0;
  if (depth == 0)
    g_block = std::malloc(corpus_bytes(27));
  else
    below = recurse(depth - 1);
  CORPUS_AFTER_CALL();
  return below + depth;
}

CORPUS_NOINLINE void on_signal(int) {
  g_block = std::malloc(corpus_bytes(28));
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE void leak_in_signal_handler() {
  std::signal(SIGUSR1, on_signal);
  std::raise(SIGUSR1);
  CORPUS_AFTER_CALL();
}

struct Task {
  struct promise_type {
    Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

Task coroutine(int number) {
  co_await std::suspend_always{};
  g_block = std::malloc(corpus_bytes(static_cast<std::size_t>(number)));
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE void leak_in_coroutine() {
  Task task = coroutine(29);
  task.handle.resume();
  task.handle.resume();
  task.handle.destroy();
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE void in_thread(std::size_t number) {
  g_block = std::malloc(corpus_bytes(number));
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE void leak_in_thread() {
  std::thread(in_thread, 30).join();
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE void leak_in_lambda() {
  const std::function<void(std::size_t)> function = [](std::size_t number) {
    g_block = std::malloc(corpus_bytes(number));
    CORPUS_AFTER_CALL();
  };
  function(31);
  CORPUS_AFTER_CALL();
}

template <typename Container, typename Less>
CORPUS_NOINLINE void sort_all(Container& container, Less less) {
  std::sort(container.begin(), container.end(), less);
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE void leak_in_comparison() {
  std::array<std::pair<int, std::string_view>, 24> rows;
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i] = {static_cast<int>(i * 7 % rows.size()), "row"};
  bool done = false;
  sort_all(rows, [&done](const auto& left, const auto& right) {
    if (!std::exchange(done, true)) {
      g_block = std::malloc(corpus_bytes(32));
      CORPUS_AFTER_CALL();
    }
    return left < right;
  });
}

template <int Depth>
struct Tower {
  template <typename... Types>
  CORPUS_NOINLINE static void climb(std::tuple<Types...> values) {
    Tower<Depth - 1>::climb(std::tuple_cat(values, std::make_tuple(Depth)));
    CORPUS_AFTER_CALL();
  }
};
template <>
struct Tower<0> {
  template <typename... Types>
  CORPUS_NOINLINE static void climb(std::tuple<Types...>) {
    g_block = std::malloc(corpus_bytes(27 + sizeof...(Types)));
    CORPUS_AFTER_CALL();
  }
};

struct Shape {
  virtual ~Shape() = default;
  virtual void draw() = 0;
};
struct Circle : Shape {
  CORPUS_NOINLINE void draw() override {
    g_block = std::malloc(corpus_bytes(34));
    CORPUS_AFTER_CALL();
  }
};

CORPUS_NOINLINE void leak_in_virtual_call(Shape& shape) {
  shape.draw();
  CORPUS_AFTER_CALL();
}

CORPUS_NOINLINE void leak_by_aligned_new() {
  g_block = operator new (corpus_bytes(35), std::align_val_t{64});
  CORPUS_AFTER_CALL();
}

/// Twice, so that the second library may stand where the first one stood.
CORPUS_NOINLINE int leak_in_plugin(const char* path) {
  void* plugin = dlopen(path, RTLD_NOW);
  if (plugin == nullptr) return 1;
  void* symbol = dlsym(plugin, "corpus_plugin_leak");
  if (symbol == nullptr) return 2;
  void (*leak)() = nullptr;
  std::memcpy(&leak, &symbol, sizeof leak);
  leak();
  return dlclose(plugin);
}

}  // namespace
}  // namespace corpus

int main(int argc, char** argv) {
  using namespace corpus;
  corpus_keep(&g_early);
  leak_by_new();
  leak_by_vector();
  leak_by_string();
  leak_in_handler();
  leak_while_unwinding();
  recurse(200);
  leak_in_signal_handler();
  leak_in_coroutine();
  leak_in_thread();
  leak_in_lambda();
  leak_in_comparison();
  Tower<6>::climb(std::make_tuple());
  Circle circle;
  leak_in_virtual_call(circle);
  leak_by_aligned_new();
  return argc > 1 ? leak_in_plugin(argv[1]) : 0;
}
