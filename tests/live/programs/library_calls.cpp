// SPDX-License-Identifier: Apache-2.0
// What allocates without being called malloc: each kind once dropped, once given back.
// truth: strdup 6, strndup 4, asprintf 10, getline 120, fopen 552 (left open), a string of 101, a locale's facet by its
// truth: owner is not counted; a joined std::thread and a closed file leave nothing
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <locale>
#include <string>
#include <thread>
#include <vector>

#include "common.h"

namespace {

LIVE_NOINLINE void copies(bool keep) {
  char* whole = strdup("five!");
  live_keep(whole);
  char* part = strndup("threefold", 3);
  live_keep(part);
  if (keep) return;
  std::free(whole);
  std::free(part);
}

LIVE_NOINLINE void prints(bool keep) {
  char* text = nullptr;
  if (asprintf(&text, "%s-%d", "number", 42) < 0) std::abort();
  live_keep(text);
  if (!keep) std::free(text);
}

LIVE_NOINLINE void reads(bool keep) {
  char input[] = "a line\nanother\n";
  FILE* file = fmemopen(input, sizeof input - 1, "r");
  if (!file) std::abort();
  char* line = nullptr;
  std::size_t capacity = 0;
  if (getline(&line, &capacity, file) < 0) std::abort();
  live_keep(line);
  std::fclose(file);
  if (!keep) std::free(line);
}

LIVE_NOINLINE void opens(bool keep) {
  FILE* file = std::fopen("/dev/null", "r");
  if (!file) std::abort();
  live_keep(file);
  if (!keep) std::fclose(file);
}

LIVE_NOINLINE void strings(bool keep) {
  auto* text = new std::string(100, 'x');
  live_keep(text);
  if (!keep) delete text;
}

LIVE_NOINLINE void threads() {
  std::thread worker([] {
    std::vector<int> numbers(100);
    live_keep(numbers.data());
  });
  worker.join();
}

LIVE_NOINLINE void locales() {
  const std::locale changed(std::locale::classic(), new std::numpunct<char>);
  live_keep(&changed);
}

}  // namespace

int main() {
  for (const bool keep : {true, false}) {
    copies(keep);
    prints(keep);
    reads(keep);
    opens(keep);
    strings(keep);
    threads();
    locales();
  }
  return 0;
}
