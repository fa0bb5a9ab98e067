// SPDX-License-Identifier: Apache-2.0
// How fast a heap is classified, and with how much memory. A child process builds a heap of a given shape at
// a fixed address; this process, which never maps it, reads it as a held target is read. Usage:
// classify_bench [SHAPE BLOCKS [THREADS]]; without arguments a table of all shapes with 1 million blocks.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "harness/classify/graph.h"

namespace {

using namespace leakgate::classify;
using leakgate::model::Kind;

constexpr std::uint64_t kBase = 0x10'0000'0000;
constexpr std::uint64_t kHeader = 16;  // between blocks, as glibc has it

/// held: a tree whose top a root holds. lost: the same without root. list: one list through all blocks in
/// random order. mixed: nine tenths held, the rest lost in rings of four. data: few blocks of 1 MiB full of
/// numbers and text.
const std::vector<std::string> kShapes = {"held", "lost", "list", "mixed", "data"};

std::vector<LiveBlock> lay_out(const std::string& shape, std::uint32_t count) {
  std::mt19937_64 random(7);
  std::vector<LiveBlock> blocks;
  blocks.reserve(count);
  std::uint64_t address = kBase + kHeader;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t size = shape == "data" ? std::uint64_t{1} << 20 : 16 + random() % 14 * 8;
    blocks.push_back({address, size, i});
    address += (size + 15) / 16 * 16 + kHeader;
  }
  return blocks;
}

std::uint64_t end_of(const std::vector<LiveBlock>& blocks) {
  return (blocks.back().address + blocks.back().size_bytes + 4096) / 4096 * 4096;
}

void put(const LiveBlock& block, std::uint64_t word_number, std::uint64_t word) {
  std::memcpy(reinterpret_cast<char*>(block.address) + word_number * 8, &word, sizeof(word));
}

/// Fills the words that hold no pointers with small numbers, text, and addresses of code.
void fill(const LiveBlock& block, std::mt19937_64& random) {
  for (std::uint64_t w = 0; w < block.size_bytes / 8; ++w) {
    const std::uint64_t words[] = {0, random() % 1000, 0x6f77206f6c6c6568,
                                   0x7f00'0000'0000 + random() % 0x1000'0000};
    put(block, w, words[random() % 4]);
  }
}

void build(const std::string& shape, const std::vector<LiveBlock>& blocks) {
  std::mt19937_64 random(11);
  const std::size_t n = blocks.size();
  for (const LiveBlock& block : blocks)
    fill(block, random);
  if (shape == "data") return;
  if (shape == "list") {
    std::vector<std::uint32_t> order(n);
    for (std::size_t i = 0; i < n; ++i)
      order[i] = static_cast<std::uint32_t>(i);
    for (std::size_t i = n - 1; i > 1; --i)
      std::swap(order[i], order[1 + random() % (i - 1)]);  // block 0 stays first
    for (std::size_t i = 0; i + 1 < n; ++i)
      put(blocks[order[i]], 0, blocks[order[i + 1]].address);
    return;
  }
  const std::size_t held = shape == "mixed" ? n / 10 * 9 : n;
  // A tree: block i is held by a block before it, at a distance; in the second word, some other block or the
  // middle of one.
  for (std::size_t i = 1; i < held; ++i)
    put(blocks[i / 2], i % 2, blocks[i].address);
  for (std::size_t i = 0; i < held; ++i) {
    if (blocks[i].size_bytes >= 32) put(blocks[i], 2, blocks[random() % held].address);
    if (blocks[i].size_bytes >= 64) put(blocks[i], 5, blocks[random() % held].address + 8);
  }
  for (std::size_t i = held; i < n; ++i)
    put(blocks[i], 1, blocks[i % 4 == 3 ? i - 3 : std::min(i + 1, n - 1)].address);
}

/// The process that has the heap. Returns its pid once the heap is built; it dies with this process.
pid_t start_target(const std::string& shape, std::uint32_t count) {
  int ready[2];
  if (pipe(ready) != 0) std::exit(1);
  const pid_t pid = fork();
  if (pid != 0) {
    char byte = 0;
    close(ready[1]);
    if (pid < 0 || read(ready[0], &byte, 1) != 1) std::exit(1);
    close(ready[0]);
    return pid;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::vector<LiveBlock> blocks = lay_out(shape, count);
  void* const memory = mmap(reinterpret_cast<void*>(kBase), end_of(blocks) - kBase, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (memory == MAP_FAILED) _exit(1);
  build(shape, blocks);
  if (write(ready[1], "r", 1) != 1) _exit(1);
  for (;;)
    pause();
}

ReadMemory reader(pid_t pid) {
  return [pid](std::uint64_t address, std::span<std::byte> out) {
    const iovec local{out.data(), out.size()};
    const iovec remote{reinterpret_cast<void*>(address), out.size()};
    const ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    return got > 0 ? static_cast<std::size_t>(got) : std::size_t{0};
  };
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

long peak_rss_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

int run(const std::string& shape, std::uint32_t count, unsigned threads) {
  const pid_t pid = start_target(shape, count);
  std::vector<LiveBlock> blocks = lay_out(shape, count);
  GraphOptions options;
  options.threads = threads;
  options.is_vtable = [](std::uint64_t address) { return address < 0x1000; };
  std::vector<RootWords> words;
  if (shape != "lost") words.push_back({0, {blocks[0].address}});
  const double cpu_before = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  const ClassifiedBlocks classified = classify_graph(std::move(blocks), {}, words, reader(pid), options);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const double cpu = cpu_seconds() - cpu_before;
  std::size_t kinds[5] = {};
  for (std::size_t i = 0; i < classified.size(); ++i)
    ++kinds[static_cast<std::size_t>(classified.kind(i))];
  const double gigabytes = static_cast<double>(classified.stats().heap_bytes) / 1e9;
  std::printf("%-6s %9u blocks %6.2f GB: %7.3f s, processor %7.3f s, %5.2f GB/s, peak %5ld MiB;",
              shape.c_str(), count, gigabytes, seconds.count(), cpu, gigabytes / seconds.count(),
              peak_rss_mib());
  std::printf(" D %zu I %zu P %zu R %zu, cycles %zu, read again %llu\n", kinds[0], kinds[1], kinds[2],
              kinds[3], classified.cycle_count(),
              static_cast<unsigned long long>(classified.stats().blocks_read_again));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 3) {
    return run(argv[1], static_cast<std::uint32_t>(std::max(4l, std::atol(argv[2]))),
               argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 0);
  }
  for (const std::string& shape : kShapes) {
    const pid_t pid = fork();  // each with a peak of its own
    if (pid == 0) return run(shape, shape == "data" ? 2000 : 1'000'000, 0);
    waitpid(pid, nullptr, 0);
  }
  return 0;
}
