// SPDX-License-Identifier: Apache-2.0
// A heap to be looked at when the program ends.
//   bench_heap graph BLOCKS BYTES   a tree of BLOCKS blocks in random order, held by one global; each
//   hundredth subtree root's
//                                   last child is lost: prints "lost N"
//   bench_heap bulk MEGABYTES       a list of blocks of 1 MiB full of numbers; nothing lost
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

struct Node {
  Node* children[2];
};

// volatile: nobody reads them, and the compiler knows
Node* volatile tree = nullptr;
void* volatile bulk = nullptr;

std::uint64_t next_random(std::uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/// Node i hangs under node (i - 1) / 2, as in a heap, but the nodes are allocated in random order, so that
/// following a pointer goes anywhere.
int graph(std::size_t blocks, std::size_t bytes) {
  std::vector<std::uint32_t> order(blocks);
  for (std::size_t i = 0; i < blocks; ++i)
    order[i] = static_cast<std::uint32_t>(i);
  std::uint64_t state = 88172645463325252u;
  for (std::size_t i = blocks; i > 1; --i)
    std::swap(order[i - 1], order[next_random(state) % i]);
  std::vector<Node*> nodes(blocks);
  for (const std::uint32_t i : order) {
    nodes[i] = static_cast<Node*>(std::malloc(bytes));
    if (nodes[i] == nullptr) return 1;
    std::memset(static_cast<void*>(nodes[i]), 0, bytes);
  }
  std::size_t lost = 0;
  for (std::size_t i = 1; i < blocks; ++i) {
    // leaves alone are lost, each by itself
    const bool is_leaf = 2 * i + 1 >= blocks;
    if (is_leaf && i % 50 == 0)
      ++lost;
    else
      nodes[(i - 1) / 2]->children[(i - 1) % 2] = nodes[i];
  }
  tree = nodes[0];
  std::printf("lost %zu\n", lost);
  return 0;
}

int fill(std::size_t megabytes) {
  constexpr std::size_t kWords = (std::size_t{1} << 20) / sizeof(std::uint64_t);
  std::uint64_t state = 88172645463325252u;
  for (std::size_t i = 0; i < megabytes; ++i) {
    auto* words = static_cast<std::uint64_t*>(std::malloc(kWords * sizeof(std::uint64_t)));
    if (words == nullptr) return 1;
    words[0] = reinterpret_cast<std::uint64_t>(bulk);
    for (std::size_t word = 1; word < kWords; ++word)
      words[word] = next_random(state);
    bulk = words;
  }
  std::printf("lost 0\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const std::size_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (mode == "graph" && argc > 3) return graph(count, std::strtoull(argv[3], nullptr, 10));
  if (mode == "bulk" && argc > 2) return fill(count);
  std::fprintf(stderr, "usage: bench_heap graph BLOCKS BYTES | bulk MEGABYTES\n");
  return 2;
}
