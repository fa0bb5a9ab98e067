// SPDX-License-Identifier: Apache-2.0
// The workloads that time themselves: pairs, live, hold, spawn. In: arguments, see main. Out: lines of
// "NAME VALUE" on standard output; nothing is left allocated.
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

extern "C" char** environ;

double now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// Processor time of this process, all threads. On a machine with other work to do it says what tracing
/// costs, where the clock on the wall says how long others had the processor.
double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// The compiler must believe that somebody looks at it.
void keep(void* block) {
  asm volatile("" : : "r"(block) : "memory");
}

using Step = void (*)(void* context);

/// Calls `step` from `depth` frames further down; both arms keep the call from becoming a jump.
[[gnu::noinline]] void descend_left(int depth, Step step, void* context);
[[gnu::noinline]] void descend_right(int depth, Step step, void* context) {
  depth <= 1 ? step(context) : descend_left(depth - 1, step, context);
  asm volatile("");
}
void descend_left(int depth, Step step, void* context) {
  depth <= 1 ? step(context) : descend_right(depth - 1, step, context);
  asm volatile("");
}

/// Waits until a probe stands on malloc's first byte: for tools that start the command before they attach.
void wait_for_probe() {
  const auto* first = reinterpret_cast<const volatile unsigned char*>(&std::malloc);
  const double deadline = now_ns() + 30e9;
  while (*first != 0xcc && now_ns() < deadline)
    ::usleep(1000);
  ::usleep(200000);
}

void pairs(long count, int depth) {
  const Step loop = [](void* context) {
    const long turns = *static_cast<long*>(context);
    const double begin = cpu_ns();
    for (long i = 0; i < turns; ++i) {
      void* block = std::malloc(64);
      keep(block);
      std::free(block);
    }
    std::printf("ns_per_pair %.2f\n", (cpu_ns() - begin) / static_cast<double>(turns));
  };
  descend_left(depth, loop, &count);
}

/// One thread's share of the live set: slots that are freed and filled again in random order.
struct Share {
  void** slots;
  std::uint64_t count;
  std::uint64_t steps;
  std::uint64_t random;
  int depth;
  std::uint64_t slot = 0;
};

std::uint64_t next_random(std::uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

void replace_block(void* context) {
  Share& share = *static_cast<Share*>(context);
  std::free(share.slots[share.slot]);
  const std::uint64_t random = next_random(share.random);
  share.slots[share.slot] = std::malloc(16 + random % (std::uint64_t{16} << (random >> 32) % 8));
}

void churn(Share& share) {
  for (std::uint64_t i = 0; i < share.count + share.steps; ++i) {
    share.slot = i < share.count ? i : next_random(share.random) % share.count;
    (i & 1 ? descend_left : descend_right)(share.depth, replace_block, &share);
  }
  for (std::uint64_t i = 0; i < share.count; ++i)
    std::free(share.slots[i]);
}

/// Memory that no allocation function gives out.
void** map_slots(std::uint64_t count) {
  void* memory =
      ::mmap(nullptr, count * sizeof(void*), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  return static_cast<void**>(memory);
}

void live(std::uint64_t blocks, std::uint64_t steps, int depth, unsigned thread_count) {
  std::vector<Share> shares;
  for (unsigned i = 0; i < thread_count; ++i)
    shares.push_back({map_slots(blocks / thread_count), blocks / thread_count, steps / thread_count,
                      88172645463325252u + i * 2463534242u, depth});
  const double begin = cpu_ns();
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < thread_count; ++i)
    threads.emplace_back(churn, std::ref(shares[i]));
  churn(shares[0]);
  for (std::thread& thread : threads)
    thread.join();
  std::printf("ns_per_pair %.2f\n", (cpu_ns() - begin) / static_cast<double>(blocks + steps));
}

/// Holds `blocks` blocks until standard input ends.
void hold(std::uint64_t blocks) {
  void** slots = map_slots(blocks ? blocks : 1);
  for (std::uint64_t i = 0; i < blocks; ++i)
    slots[i] = std::malloc(32);
  (void)!::write(STDOUT_FILENO, "held\n", 5);
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  for (std::uint64_t i = 0; i < blocks; ++i)
    std::free(slots[i]);
}

void start_and_wait(const char* program) {
  char* arguments[] = {const_cast<char*>(program), nullptr};
  pid_t child = 0;
  int status = 0;
  if (::posix_spawn(&child, program, nullptr, nullptr, arguments, environ) != 0 ||
      ::waitpid(child, &status, 0) != child || status != 0)
    std::abort();
}

/// Copies a file to a new name; a file of its own for the tracer.
void copy_file(const char* from, const char* to) {
  const int in = ::open(from, O_RDONLY | O_CLOEXEC);
  const int out = ::open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  char buffer[65536];
  ssize_t count = 0;
  while ((count = ::read(in, buffer, sizeof buffer)) > 0)
    if (::write(out, buffer, static_cast<std::size_t>(count)) != count) std::abort();
  if (in < 0 || out < 0 || count < 0) std::abort();
  ::close(in);
  ::close(out);
}

/// Starts `program` once unmeasured, then `count` times; or, with a directory, `count` copies of it.
void spawn(int count, const char* program, const char* directory) {
  start_and_wait(program);
  double total = 0;
  for (int i = 0; i < count; ++i) {
    char path[4096];
    std::snprintf(path, sizeof path, "%s/copy%d", directory ? directory : "", i);
    if (directory) copy_file(program, path);
    const double begin = now_ns();
    start_and_wait(directory ? path : program);
    total += now_ns() - begin;
    if (directory) ::unlink(path);
  }
  std::printf("ms_per_process %.4f\n", total / 1e6 / count);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return argc > i ? std::strtoul(argv[i], nullptr, 10) : 0; };
  if (what == "pairs" && (argc == 4 || argc == 5)) {
    if (argc == 5) wait_for_probe();
    pairs(static_cast<long>(number(2)), static_cast<int>(number(3)));
  } else if (what == "live" && argc == 6 && number(5) > 0) {
    live(number(2), number(3), static_cast<int>(number(4)), static_cast<unsigned>(number(5)));
  } else if (what == "hold" && argc == 3) {
    hold(number(2));
  } else if (what == "spawn" && (argc == 4 || argc == 5)) {
    spawn(static_cast<int>(number(2)), argv[3], argc == 5 ? argv[4] : nullptr);
  } else {
    std::fprintf(stderr,
                 "usage: bench_work pairs COUNT DEPTH [wait] | live BLOCKS STEPS DEPTH THREADS | hold BLOCKS "
                 "| spawn COUNT "
                 "PROGRAM [DIRECTORY]\n");
    return 125;
  }
  return 0;
}
