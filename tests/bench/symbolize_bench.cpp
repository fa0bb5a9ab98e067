// SPDX-License-Identifier: Apache-2.0
// symbolize_bench BINARY [COUNT [sorted|random]]: time and memory of resolving COUNT (100,000) distinct
// addresses, spread evenly over the code of BINARY. Out: one line of JSON. make_big_binary makes a binary
// that is worth it.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "harness/symbolize/symbolizer.h"

int main(int argc, char** argv) {
  using namespace leakgate;
  using namespace leakgate::symbolize;
  if (argc < 2) {
    std::fprintf(stderr, "usage: symbolize_bench BINARY [COUNT [sorted|random]]\n");
    return 125;
  }
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
  const bool random = argc > 3 && std::string(argv[3]) == "random";
  auto file = ElfFile::open(argv[1], {});
  if (!file || (*file)->code().empty() || count == 0) {
    std::fprintf(stderr, "symbolize_bench: %s has no code\n", argv[1]);
    return 125;
  }
  const AddressRange code = (*file)->code().front();
  Symbolizer symbolizer;
  const std::uint32_t module = symbolizer.add_module({argv[1], "", ""});
  std::vector<Query> queries;
  for (std::uint64_t i = 0; i < count; ++i) {
    queries.push_back({module, code.low + (code.high - code.low) * i / count, false});
  }
  std::shuffle(queries.begin(), queries.end(), std::mt19937(1));
  const auto start = std::chrono::steady_clock::now();
  std::size_t frames = 0;
  std::size_t named = 0;
  std::size_t with_line = 0;
  const auto tell = [&](const std::vector<model::Frame>& chain) {
    frames += chain.size();
    named += chain.front().function.empty() ? 0 : 1;
    with_line += chain.front().line == 0 ? 0 : 1;
  };
  if (random) {
    for (const Query& query : queries)
      tell(symbolizer.resolve(query.module, query.offset, query.is_return_address));
  } else {
    for (const auto& chain : symbolizer.resolve_all(queries))
      tell(chain);
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double cpu = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  std::printf(
      "{\"addresses\":%zu,\"frames\":%zu,\"named\":%zu,\"with_line\":%zu,\"wall_s\":%.3f,\"cpu_s\":%.3f,"
      "\"peak_memory_mb\":%ld}\n",
      queries.size(), frames, named, with_line, wall.count(), cpu, usage.ru_maxrss / 1024);
  return 0;
}
