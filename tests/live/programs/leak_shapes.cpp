// SPDX-License-Identifier: Apache-2.0
// One shape of outstanding memory per argument. Every allocation of a shape stands in a function of its own,
// so that leakgate and Valgrind can be compared by function: "shape::function".
#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace shape {

#define SHAPE_NOINLINE __attribute__((noinline))

/// Keeps the compiler from seeing that a value is never used.
template <typename T>
SHAPE_NOINLINE void touch(T* pointer) {
  asm volatile("" : : "r"(pointer) : "memory");
}

/// Overwrites what earlier calls left on the stack and in registers.
SHAPE_NOINLINE void scrub() {
  volatile char dead[16384];
  for (volatile char& byte : dead)
    byte = 0;
  asm volatile("" : : : "rbx", "r12", "r13", "r14", "r15", "memory");
}

struct Tree {
  Tree* left = nullptr;
  Tree* right = nullptr;
  char rest[24] = {};
};
SHAPE_NOINLINE Tree* make_tree(int depth) {
  Tree* node = new Tree;
  if (depth > 1) node->left = make_tree(depth - 1), node->right = make_tree(depth - 1);
  return node;
}
SHAPE_NOINLINE void tree() {
  touch(make_tree(3));
}

struct Link {
  Link* next = nullptr;
  char rest[40] = {};
};
SHAPE_NOINLINE Link* make_link(Link* next) {
  Link* link = new Link;
  link->next = next;
  return link;
}
SHAPE_NOINLINE void list() {
  Link* head = nullptr;
  for (int i = 0; i < 5; ++i)
    head = make_link(head);
  touch(head);
}
SHAPE_NOINLINE void cycle() {
  Link* first = make_link(nullptr);
  first->next = make_link(make_link(first));
  touch(first);
}
/// Two rings, one of which leads to the other, and a tail.
SHAPE_NOINLINE void two_cycles() {
  Link* inner = make_link(nullptr);
  inner->next = make_link(inner);
  struct Two {
    Two* next = nullptr;
    Link* side = nullptr;
    char rest[64] = {};
  };
  Two* outer = new Two;
  outer->next = new Two;
  outer->next->next = outer;
  outer->side = inner;
  touch(outer);
}

struct Peer {
  virtual ~Peer() = default;
  std::shared_ptr<Peer> other;
  char rest[16] = {};
};
SHAPE_NOINLINE std::shared_ptr<Peer> make_peer() {
  return std::make_shared<Peer>();
}
SHAPE_NOINLINE void shared_cycle() {
  auto a = make_peer();
  auto b = make_peer();
  a->other = b;
  b->other = a;
}

char* g_inside;
SHAPE_NOINLINE void interior() {
  g_inside = static_cast<char*>(malloc(120)) + 32;
}

struct WithDestructor {
  ~WithDestructor() { touch(this); }
  int value[6] = {};
};
WithDestructor* g_array;
SHAPE_NOINLINE void new_array() {
  g_array = new WithDestructor[7];
}

struct First {
  virtual ~First() = default;
  int a = 1;
};
struct Second {
  virtual ~Second() = default;
  int b = 2;
};
struct Both : First, Second {
  int c = 3;
};
Second* g_second;
SHAPE_NOINLINE void multiple_inheritance() {
  g_second = new Both;
}

/// The form of sqlite: the length first, the caller gets what follows.
std::uint64_t* g_length;
SHAPE_NOINLINE void length_prefix() {
  auto* block = static_cast<std::uint64_t*>(malloc(72));
  block[0] = 64;
  g_length = block + 1;
}

thread_local void* t_held;
SHAPE_NOINLINE void* make_tls_block() {
  return malloc(136);
}
void tls_of_main() {
  t_held = make_tls_block();
}

std::vector<std::string>* g_reachable;
SHAPE_NOINLINE void reachable() {
  g_reachable = new std::vector<std::string>;
  for (int i = 0; i < 3; ++i)
    g_reachable->push_back(std::string(100 + 1, 'x'));
}

/// Freed by its destructor; what the raw pointers led to is lost.
std::map<int, char*> g_registry;
SHAPE_NOINLINE void registry() {
  for (int i = 0; i < 3; ++i)
    g_registry[i] = new char[200 + 1];
}

SHAPE_NOINLINE void* make_thread_block(std::size_t bytes) {
  return malloc(bytes);
}
/// Leaves its own frame behind; the block is known to this thread alone.
void sleep_holding(std::size_t bytes) {
  void* volatile held = make_thread_block(bytes);
  for (;;)
    pause();
  touch(held);
}
void running_thread() {
  std::thread(sleep_holding, 144).detach();
  usleep(100000);
}
void finished_thread() {
  std::thread([] {
    void* volatile held = make_thread_block(152);
    touch(held);
    t_held = held;
  }).join();
}
/// In a callee-saved register alone, across a system call.
void register_only() {
  std::thread([] {
    asm volatile(
        "mov %0, %%rdi\n"
        "call *%1\n"
        "mov %%rax, %%r12\n"
        "xor %%eax, %%eax\n"
        "mov $34, %%eax\n"  // pause
        "syscall\n"
        :
        : "r"(std::uint64_t{160}), "r"(&make_thread_block)
        : "rax", "rdi", "rsi", "rdx", "rcx", "r8", "r9", "r10", "r11", "r12", "memory");
  }).detach();
  usleep(100000);
  scrub();
}

SHAPE_NOINLINE void* make_mapped() {
  return malloc(168);
}
void mapped_root() {
  auto** page =
      static_cast<void**>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  page[100] = make_mapped();
}
void shared_root() {
  auto** page =
      static_cast<void**>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  page[100] = make_mapped();
}

alignas(16) char g_pool[4096];
SHAPE_NOINLINE void* make_pooled() {
  return malloc(176);
}
void static_pool() {
  void* block = make_pooled();
  memcpy(g_pool + 512, &block, sizeof block);
}
void heap_pool() {
  static char* pool = static_cast<char*>(malloc(2048));
  void* block = make_pooled();
  memcpy(pool + 512, &block, sizeof block);
}

/// Only freed memory still points at it.
SHAPE_NOINLINE void stale() {
  void** holder = static_cast<void**>(malloc(400));
  holder[20] = malloc(184);
  touch(holder);
  free(holder);
}

SHAPE_NOINLINE void unaligned() {
  void* block = malloc(192);
  memcpy(g_pool + 3, &block, sizeof block);
}

SHAPE_NOINLINE void lost_plain() {
  touch(malloc(208));
}
void by_exit() {
  lost_plain();
  scrub();
  _exit(0);
}
void by_quick_exit() {
  lost_plain();
  scrub();
  std::quick_exit(0);
}
void by_exit_group() {
  lost_plain();
  scrub();
  syscall(SYS_exit_group, 0);
}

SHAPE_NOINLINE void* on_own_stack() {
  return malloc(216);
}
void in_main_frame() {
  void* volatile held = on_own_stack();
  _exit(held == nullptr);
}

ucontext_t g_main_context, g_coroutine;
SHAPE_NOINLINE void* make_coroutine_stack() {
  return malloc(64 * 1024);
}
void coroutine_body() {
  void* volatile held = on_own_stack();
  swapcontext(&g_coroutine, &g_main_context);
  touch(held);
}
void coroutine() {
  getcontext(&g_coroutine);
  g_coroutine.uc_stack.ss_sp = make_coroutine_stack();
  g_coroutine.uc_stack.ss_size = 64 * 1024;
  g_coroutine.uc_link = &g_main_context;
  makecontext(&g_coroutine, coroutine_body, 0);
  swapcontext(&g_main_context, &g_coroutine);
  scrub();
}

ucontext_t g_last_context;
void last_body() {
  scrub();
  exit(0);
}
SHAPE_NOINLINE void enter_last_context() {
  getcontext(&g_last_context);
  g_last_context.uc_stack.ss_sp = make_coroutine_stack();
  g_last_context.uc_stack.ss_size = 64 * 1024;
  g_last_context.uc_link = nullptr;
  makecontext(&g_last_context, last_body, 0);
  g_last_context.uc_stack.ss_sp = nullptr;
  setcontext(&g_last_context);
}
/// Ends on a stack in the heap, at whose start nothing points.
void end_on_own_stack() {
  enter_last_context();
}

SHAPE_NOINLINE void* make_signal_stack() {
  return malloc(32 * 1024);
}
SHAPE_NOINLINE void set_signal_stack() {
  stack_t stack{};
  stack.ss_sp = make_signal_stack();
  stack.ss_size = 32 * 1024;
  sigaltstack(&stack, nullptr);
}
void signal_stack() {
  set_signal_stack();
  scrub();
}

void fork_child() {
  lost_plain();
  scrub();
  const pid_t child = fork();
  if (child == 0) {
    touch(make_mapped());
    scrub();
    exit(0);
  }
  waitpid(child, nullptr, 0);
}

Link* g_inherited;
/// Hangs two blocks of the child's on one of the parent's, and loses one.
void hang_on_inherited() {
  g_inherited->next = make_link(make_link(nullptr));
  touch(make_mapped());
  scrub();
}
void inherited() {
  g_inherited = make_link(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    hang_on_inherited();
    exit(0);
  }
  waitpid(child, nullptr, 0);
}
/// The parent is over before the child goes on.
void inherited_by_orphan() {
  g_inherited = make_link(nullptr);
  int ends[2];
  if (pipe(ends) != 0) _exit(99);
  if (fork() != 0) _exit(0);
  close(ends[1]);
  char byte;
  if (read(ends[0], &byte, 1) != 0) _exit(99);
  hang_on_inherited();
  exit(0);
}

/// So many that to read them takes longer than nothing.
void many_by_exit_group() {
  static Link* head;
  for (int i = 0; i < 100'000; ++i)
    head = make_link(head);
  syscall(SYS_exit_group, 0);
}

using MakeBlock = void* (*)(std::size_t);
void library_global(bool close) {
  void* library = dlopen(LEAK_SHAPES_PLUGIN, RTLD_NOW);
  if (library == nullptr) _exit(99);
  auto keep = reinterpret_cast<void (*)(std::size_t)>(dlsym(library, "plugin_keep"));
  keep(224);
  if (close) dlclose(library);
  scrub();
}

/// The process is ended by a thread that outlives the main thread, and that loads a library after that.
void main_ends_first() {
  static Link* kept = make_link(nullptr);
  touch(&kept);
  touch(make_mapped());
  pthread_t thread;
  const auto end_process = [](void* main) -> void* {
    pthread_join(*static_cast<pthread_t*>(main), nullptr);
    library_global(false);
    exit(0);
  };
  static pthread_t main = pthread_self();
  if (pthread_create(&thread, nullptr, end_process, &main) != 0) _exit(99);
  pthread_exit(nullptr);
}

/// In mappings of their own. No larger than that takes: under Valgrind addresses are small numbers, and of a
/// million bytes the clock's nanoseconds, say, point at one.
SHAPE_NOINLINE void large() {
  touch(malloc(160 << 10));
  static void* kept = malloc((160 << 10) + 8);
  touch(kept);
}

struct {
  char before[1 << 20];
  void* kept;
} g_zeros;

/// In memory that begins behind the last page of the file.
SHAPE_NOINLINE void set_key(pthread_key_t key, std::size_t bytes) {
  pthread_setspecific(key, malloc(bytes));
}
/// Its value stays where it was, and nobody can get it.
void deleted_key() {
  pthread_key_t deleted{}, kept{};
  pthread_key_create(&deleted, nullptr);
  pthread_key_create(&kept, nullptr);
  set_key(deleted, 240);
  set_key(kept, 244);
  pthread_key_delete(deleted);
  scrub();
}

SHAPE_NOINLINE void leave_all_over() {
  void* lost = malloc(248);
  void* volatile words[1024];
  for (void* volatile& word : words)
    word = lost;
}
/// What lay on the stack goes with the old signal actions into the C library's own data.
void after_system() {
  if (system(":") != 0) abort();  // the dynamic linker has looked it up by then
  leave_all_over();
  if (system(":") != 0) abort();
  scrub();
}

SHAPE_NOINLINE void far_global() {
  g_zeros.kept = malloc(232);
  touch(&g_zeros);
}

/// The heap begins right behind it: the kernel makes one mapping of the two, and calls it the heap.
SHAPE_NOINLINE void far_global_at_heap() {
  const int persona = personality(0xffffffff);
  if (!(persona & ADDR_NO_RANDOMIZE)) {
    personality(static_cast<unsigned long>(persona) | ADDR_NO_RANDOMIZE);
    execl("/proc/self/exe", "leak_shapes", "far_global_at_heap", nullptr);
    _exit(99);
  }
  far_global();
}

}  // namespace shape

int main(int argc, char** argv) {
  using namespace shape;
  const std::map<std::string_view, std::function<void()>> shapes = {
      {"tree", tree},
      {"list", list},
      {"cycle", cycle},
      {"two_cycles", two_cycles},
      {"shared_cycle", shared_cycle},
      {"interior", interior},
      {"new_array", new_array},
      {"multiple_inheritance", multiple_inheritance},
      {"length_prefix", length_prefix},
      {"tls_of_main", tls_of_main},
      {"reachable", reachable},
      {"registry", registry},
      {"running_thread", running_thread},
      {"finished_thread", finished_thread},
      {"register_only", register_only},
      {"mapped_root", mapped_root},
      {"shared_root", shared_root},
      {"static_pool", static_pool},
      {"heap_pool", heap_pool},
      {"stale", stale},
      {"unaligned", unaligned},
      {"by_exit", by_exit},
      {"by_quick_exit", by_quick_exit},
      {"by_exit_group", by_exit_group},
      {"in_main_frame", in_main_frame},
      {"coroutine", coroutine},
      {"end_on_own_stack", end_on_own_stack},
      {"signal_stack", signal_stack},
      {"fork_child", fork_child},
      {"inherited", inherited},
      {"inherited_by_orphan", inherited_by_orphan},
      {"many_by_exit_group", many_by_exit_group},
      {"main_ends_first", main_ends_first},
      {"library_open", [] { library_global(false); }},
      {"library_closed", [] { library_global(true); }},
      {"large", large},
      {"deleted_key", deleted_key},
      {"after_system", after_system},
      {"far_global", far_global},
      {"far_global_at_heap", far_global_at_heap},
  };
  const auto chosen = argc > 1 ? shapes.find(argv[1]) : shapes.end();
  if (chosen == shapes.end()) return 98;
  const std::function<void()>& run = chosen->second;
  run();
  scrub();
  return 0;
}
