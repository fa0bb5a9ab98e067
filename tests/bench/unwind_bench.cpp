// SPDX-License-Identifier: Apache-2.0
// unwind_bench [--cache DIRECTORY] FILE...: for each ELF file, how long its unwinding rows take to build and
// to load from the cache, and how much of its code has rows the walker cannot follow. Out: one line of JSON
// per file (the best of five, processor time), then a sum; --rows adds the address of each such row.
#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/capture/unwind/unwind_cache.h"
#include "harness/capture/unwind/unwind_image.h"
#include "harness/capture/unwind/unwind_table.h"

namespace {

using namespace leakgate;
using namespace leakgate::capture;

struct Sum {
  std::uint64_t files = 0;
  std::uint64_t rows = 0;
  std::uint64_t code_bytes = 0;  ///< covered by any row
  std::uint64_t unsupported_rows = 0;
  std::uint64_t unsupported_bytes = 0;
};

/// Processor time of this process: the files are in memory, and other programs do not count.
double processor_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

template <typename Work>
double best_ms(int turns, Work work) {
  double best = 1e9;
  for (int i = 0; i < turns; ++i) {
    const double start = processor_ms();
    if (!work()) return -1;
    best = std::min(best, processor_ms() - start);
  }
  return best;
}

Sum count(const UnwindTable& table, const std::string& path, bool tell_rows) {
  Sum sum{1, table.rows.size(), 0, 0, 0};
  for (std::size_t i = 0; i + 1 < table.rows.size(); ++i) {
    const std::uint64_t bytes = table.rows[i + 1].pc - table.rows[i].pc;
    const auto kind = LG_RULE_KIND(table.rows[i].rule);
    if (kind != LG_RULE_NONE) sum.code_bytes += bytes;
    if (kind != LG_RULE_UNSUPPORTED) continue;
    ++sum.unsupported_rows;
    sum.unsupported_bytes += bytes;
    if (tell_rows)
      std::printf("%s %llx\n", path.c_str(), static_cast<unsigned long long>(table.base + table.rows[i].pc));
  }
  return sum;
}

void measure(const std::string& path, const UnwindCache* cache, bool tell_rows, Sum& total) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return;
  auto table = build_unwind_table(file.get());
  if (!table || table->rows.empty()) return;
  const Sum sum = count(*table, path, tell_rows);
  const double build = best_ms(cache ? 5 : 1, [&] { return build_unwind_table(file.get()).has_value(); });
  double hit = -1;
  if (cache) {
    if (!load_or_build_unwind_table(file.get(), cache)) return;
    hit = best_ms(5, [&] { return load_or_build_unwind_table(file.get(), cache).has_value(); });
  }
  std::printf(
      "{\"file\":\"%s\",\"file_mb\":%.1f,\"rows\":%llu,\"build_ms\":%.2f,\"hit_ms\":%.2f,\"code_bytes\":%llu,"
      "\"unsupported_rows\":%llu,\"unsupported_bytes\":%llu}\n",
      path.c_str(), static_cast<double>(std::filesystem::file_size(path)) / 1e6,
      static_cast<unsigned long long>(sum.rows), build, hit, static_cast<unsigned long long>(sum.code_bytes),
      static_cast<unsigned long long>(sum.unsupported_rows),
      static_cast<unsigned long long>(sum.unsupported_bytes));
  total.files += 1;
  total.rows += sum.rows;
  total.code_bytes += sum.code_bytes;
  total.unsupported_rows += sum.unsupported_rows;
  total.unsupported_bytes += sum.unsupported_bytes;
}

}  // namespace

int main(int argc, char** argv) {
  std::unique_ptr<UnwindCache> cache;
  bool tell_rows = false;
  Sum total;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--rows") {
      tell_rows = true;
    } else if (word == "--cache" && i + 1 < argc) {
      auto opened = UnwindCache::open(argv[++i]);
      if (!opened) {
        std::fprintf(stderr, "unwind_bench: %s\n", opened.error().message.c_str());
        return 125;
      }
      cache = std::make_unique<UnwindCache>(std::move(*opened));
    } else {
      measure(word, cache.get(), tell_rows, total);
    }
  }
  if (total.files == 0) {
    std::fprintf(stderr, "usage: unwind_bench [--rows] [--cache DIRECTORY] FILE...\n");
    return 125;
  }
  std::printf(
      "{\"files\":%llu,\"rows\":%llu,\"code_bytes\":%llu,\"unsupported_rows\":%llu,\"unsupported_bytes\":%"
      "llu}\n",
      static_cast<unsigned long long>(total.files), static_cast<unsigned long long>(total.rows),
      static_cast<unsigned long long>(total.code_bytes),
      static_cast<unsigned long long>(total.unsupported_rows),
      static_cast<unsigned long long>(total.unsupported_bytes));
  return 0;
}
