// SPDX-License-Identifier: Apache-2.0
// TruthLog: see the header. In: leaks as they are made. Out: merged entries. Never uses the heap.
#include "simulator/truth_log.h"

#include <sys/mman.h>

#include <new>

namespace leakgate::simulator {

TruthLog* TruthLog::create() {
  void* memory = mmap(nullptr, sizeof(TruthLog), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* log = new (memory) TruthLog();
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&log->mutex_, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return log;
}

void TruthLog::add(Kind kind, LostWhen when, bool cycle, bool child, const Site& site, std::string_view test,
                   std::uint64_t blocks, std::uint64_t bytes) {
  pthread_mutex_lock(&mutex_);
  std::size_t index = 0;
  for (; index < size_; ++index) {
    const LogEntry& known = entries_[index];
    if (known.kind == kind && known.when == when && known.cycle == cycle && known.child == child &&
        known.line == site.line && known.function.view() == site.function && known.file.view() == site.file &&
        known.test.view() == test) {
      break;
    }
  }
  if (index == size_ && size_ < kCapacity) {
    entries_[size_++] = LogEntry{
        kind,           when, cycle, child, site.line, 0, 0, FixedText(site.function), FixedText(site.file),
        FixedText(test)};
  }
  if (index < size_) {
    entries_[index].blocks += blocks;
    entries_[index].bytes += bytes;
  } else {
    overflowed_ = true;
  }
  pthread_mutex_unlock(&mutex_);
}

std::string_view name_of(LostWhen when) {
  return when == LostWhen::in_test ? "in_test" : when == LostWhen::late ? "late" : "never";
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::definitely_lost:
      return "definitely_lost";
    case Kind::indirectly_lost:
      return "indirectly_lost";
    case Kind::possibly_lost:
      return "possibly_lost";
    case Kind::still_reachable:
      return "still_reachable";
  }
  return "definitely_lost";
}

}  // namespace leakgate::simulator
