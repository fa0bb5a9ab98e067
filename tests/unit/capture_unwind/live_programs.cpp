// SPDX-License-Identifier: Apache-2.0
// Programs with frames of every kind a walk must pass. Built several times with different options (see
// CMakeLists.txt); nothing here may be optimised into a tail call, which is what the `volatile` stores after
// calls prevent.
#include "tests/unit/capture_unwind/live_programs.h"

#include <alloca.h>
#include <pthread.h>
#include <search.h>
#include <ucontext.h>

#include <coroutine>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using leakgate::unwind_test::Probe;
using leakgate::unwind_test::Program;

#define LEAKGATE_NOINLINE __attribute__((noinline))

namespace {

volatile int g_sink;
thread_local Probe g_probe;
thread_local void* g_self;

LEAKGATE_NOINLINE void call_probe() {
  g_probe(g_self);
  g_sink = 1;
}

LEAKGATE_NOINLINE int recurse(int depth, int a, int b) {
  volatile int local[7] = {depth, a, b};
  if (depth == 0) {
    call_probe();
    return local[0];
  }
  return recurse(depth - 1, b, local[1] + 1) + local[2];
}

void short_recursion() {
  g_sink = recurse(20, 1, 2);
}
void deep_recursion() {
  g_sink = recurse(200, 3, 4);
}

LEAKGATE_NOINLINE int many_registers(int a, int b, int c, int d, int e, int f, int g, int h) {
  const int x = a * b + c, y = d * e + f, z = g * h + a, w = b ^ h, v = c + g, u = d - f;
  call_probe();
  return x + y * z - w + v * u;
}
void saved_registers() {
  const int n = g_sink;
  g_sink = many_registers(n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7);
}

LEAKGATE_NOINLINE int use_alloca(int bytes) {
  auto* block = static_cast<volatile char*>(alloca(static_cast<unsigned>(bytes)));
  block[0] = 1;
  block[bytes - 1] = 2;
  call_probe();
  return block[0] + block[bytes - 1];
}
void variable_frame() {
  g_sink = use_alloca(100 + (g_sink & 63));
}

// Nine arguments: the last are on the stack, so a realigned frame with alloca must keep a pointer to them
// (DRAP).
LEAKGATE_NOINLINE int realigned(int a, int b, int c, int d, int e, int f, int g, int h, int bytes) {
  alignas(64) volatile char aligned[128];
  auto* block = static_cast<volatile char*>(alloca(static_cast<unsigned>(bytes)));
  aligned[0] = static_cast<char>(a + b + c + d + e + f + g + h);
  block[0] = aligned[0];
  call_probe();
  return block[0] + aligned[0] + h;
}
void realigned_stack() {
  g_sink = realigned(1, 2, 3, 4, 5, 6, 7, 8, 64 + (g_sink & 63));
}

LEAKGATE_NOINLINE int realigned_only(int seed) {
  alignas(64) volatile char aligned[256];
  aligned[0] = static_cast<char>(seed);
  call_probe();
  return aligned[0];
}
void realigned_plain() {
  g_sink = realigned_only(g_sink);
}

LEAKGATE_NOINLINE int large_frame(int seed) {
  volatile char bytes[100000];
  bytes[0] = static_cast<char>(seed);
  bytes[99999] = bytes[0];
  call_probe();
  return bytes[99999];
}
void large_stack() {
  g_sink = large_frame(g_sink);
}

thread_local bool g_compared;  // the first comparison of a program probes, the others do not
int compare_ints(const void* a, const void* b) {
  if (!g_compared) {
    g_compared = true;
    call_probe();
  }
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}
void qsort_callback() {
  int values[] = {5, 3, 1, 4, 2};
  std::qsort(values, 5, sizeof values[0], compare_ints);
  g_sink = values[0];
}
void bsearch_callback() {
  int values[] = {1, 2, 3, 4, 5};
  int key = 4;
  g_sink = std::bsearch(&key, values, 5, sizeof values[0], compare_ints) != nullptr;
}
void tsearch_callback() {
  static int values[] = {1, 2};
  void* root = nullptr;
  tsearch(&values[0], &root, compare_ints);
  tsearch(&values[1], &root, compare_ints);
  while (root != nullptr)
    tdelete(*static_cast<int**>(root), &root, compare_ints);
  g_sink = 2;
}

void on_signal(int) {
  call_probe();
  g_sink = 3;
}
/// Runs `action` with on_signal installed for `number`.
template <typename Action>
void with_handler(int number, int flags, Action action) {
  struct sigaction wanted {};
  struct sigaction old {};
  wanted.sa_handler = on_signal;
  wanted.sa_flags = flags;
  sigaction(number, &wanted, &old);
  action();
  sigaction(number, &old, nullptr);
}
void raised_signal() {
  with_handler(SIGUSR1, 0, [] { std::raise(SIGUSR1); });
}
// A trap in a leaf that keeps its locals below the stack pointer, where the kernel must not write the signal
// frame.
LEAKGATE_NOINLINE int trapping_leaf(int seed) {
  volatile int red_zone[8] = {seed};
  asm volatile("int3" ::: "memory");
  return red_zone[0];
}
void trap_in_leaf() {
  with_handler(SIGTRAP, 0, [] { g_sink = trapping_leaf(g_sink); });
}
// A fault at the very first instruction of a function: looked up at pc - 1 it would be found in the function
// before.
asm(".text\n"
    ".p2align 4\n"
    ".type lg_fault_first, @function\n"
    "lg_fault_first:\n"
    ".cfi_startproc\n"
    "ud2\n"
    "ret\n"
    ".cfi_endproc\n"
    ".size lg_fault_first, .-lg_fault_first\n");
extern "C" __attribute__((visibility("hidden"))) void lg_fault_first();
void on_fault(int, siginfo_t*, void* context) {
  call_probe();
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;
}
void fault_at_entry() {
  struct sigaction wanted {};
  struct sigaction old {};
  wanted.sa_sigaction = on_fault;
  wanted.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &wanted, &old);
  lg_fault_first();
  sigaction(SIGILL, &old, nullptr);
}
void signal_on_other_stack() {
  std::vector<char> bytes(1 << 17);
  stack_t stack{};
  stack_t old{};
  stack.ss_sp = bytes.data();
  stack.ss_size = bytes.size();
  sigaltstack(&stack, &old);
  with_handler(SIGUSR2, SA_ONSTACK, [] { std::raise(SIGUSR2); });
  sigaltstack(&old, nullptr);
}
void on_outer_signal(int) {
  std::raise(SIGUSR1);
  g_sink = 5;
}
void nested_signals() {
  with_handler(SIGUSR1, 0, [] {
    struct sigaction wanted {};
    struct sigaction old {};
    wanted.sa_handler = on_outer_signal;
    sigaction(SIGUSR2, &wanted, &old);
    std::raise(SIGUSR2);
    sigaction(SIGUSR2, &old, nullptr);
  });
}

struct ProbeAtExit {
  ~ProbeAtExit() { call_probe(); }
};
LEAKGATE_NOINLINE void throw_something(int value) {
  if (value >= 0) throw std::runtime_error("thrown " + std::to_string(value));
  g_sink = value;
}
LEAKGATE_NOINLINE void cleanup_on_throw(int value) {
  ProbeAtExit probe;
  std::string text = "held across the throw, too long to stay inside the object";
  throw_something(value);
  g_sink = static_cast<int>(text.size());
}
void exception_cleanup() {
  try {
    cleanup_on_throw(g_sink & 1);
  } catch (const std::exception&) {
    g_sink = 6;
  }
}
LEAKGATE_NOINLINE int probe_in_catch(int value) {
  std::string text = "another string that does not fit inside the object";
  try {
    throw_something(value);
  } catch (const std::exception& error) {
    call_probe();
    return static_cast<int>(std::strlen(error.what()) + text.size());
  }
  return 0;
}
void exception_handler() {
  g_sink = probe_in_catch(g_sink & 1);
}

template <int kDepth>
struct Nest {
  template <typename F>
  LEAKGATE_NOINLINE static int run(F f, std::string text) {
    const int result = Nest<kDepth - 1>::run([&] { return f() + static_cast<int>(text.size()); }, text + "x");
    g_sink = result;
    return result;
  }
};
template <>
struct Nest<0> {
  template <typename F>
  LEAKGATE_NOINLINE static int run(F f, std::string) {
    const int result = f();
    g_sink = result;
    return result;
  }
};
void templates_and_lambdas() {
  std::function<int()> leaf = [] {
    call_probe();
    return 1;
  };
  g_sink = Nest<12>::run(leaf, "seed");
}

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
Task suspended_work() {
  co_await std::suspend_always{};
  call_probe();
}
void coroutine_body() {
  Task task = suspended_work();
  task.handle.resume();
  task.handle.resume();
  task.handle.destroy();
  g_sink = 7;
}

ucontext_t g_main_context;
ucontext_t g_other_context;
void context_body() {
  call_probe();
  g_sink = 8;
}
void other_context() {
  std::vector<char> bytes(1 << 17);
  getcontext(&g_other_context);
  g_other_context.uc_stack.ss_sp = bytes.data();
  g_other_context.uc_stack.ss_size = bytes.size();
  g_other_context.uc_link = &g_main_context;
  makecontext(&g_other_context, context_body, 0);
  swapcontext(&g_main_context, &g_other_context);
}

void standard_thread() {
  const Probe probe = g_probe;
  void* self = g_self;
  std::thread([probe, self] {
    g_probe = probe;
    g_self = self;
    g_sink = recurse(5, 1, 2);
  }).join();
}
void call_once_callback() {
  std::once_flag flag;
  std::call_once(flag, [] { call_probe(); });
  g_sink = 9;
}

template <void (*kBody)()>
void run_body(Probe probe, void* self) {
  g_probe = probe;
  g_self = self;
  g_compared = false;
  kBody();
  g_sink = 10;
}

constexpr Program kPrograms[] = {
    {"short_recursion", run_body<short_recursion>},
    {"deep_recursion", run_body<deep_recursion>},
    {"saved_registers", run_body<saved_registers>},
    {"variable_frame", run_body<variable_frame>},
    {"realigned_stack", run_body<realigned_stack>},
    {"realigned_plain", run_body<realigned_plain>},
    {"large_stack", run_body<large_stack>},
    {"qsort_callback", run_body<qsort_callback>},
    {"bsearch_callback", run_body<bsearch_callback>},
    {"tsearch_callback", run_body<tsearch_callback>},
    {"raised_signal", run_body<raised_signal>},
    {"trap_in_leaf", run_body<trap_in_leaf>},
    {"fault_at_entry", run_body<fault_at_entry>},
    {"signal_on_other_stack", run_body<signal_on_other_stack>},
    {"nested_signals", run_body<nested_signals>},
    {"exception_cleanup", run_body<exception_cleanup>},
    {"exception_handler", run_body<exception_handler>},
    {"templates_and_lambdas", run_body<templates_and_lambdas>},
    {"coroutine_body", run_body<coroutine_body>},
    {"other_context", run_body<other_context>},
    {"standard_thread", run_body<standard_thread>},
    {"call_once_callback", run_body<call_once_callback>},
};

}  // namespace

extern "C" const Program* LEAKGATE_PROGRAMS(int* count);
extern "C" const Program* LEAKGATE_PROGRAMS(int* count) {
  *count = static_cast<int>(sizeof kPrograms / sizeof kPrograms[0]);
  return kPrograms;
}
