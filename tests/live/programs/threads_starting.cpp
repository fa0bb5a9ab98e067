// SPDX-License-Identifier: Apache-2.0
// Ends while threads that it has created have not run yet: what they were started with is theirs.
// truth: nothing lost; exit status 0
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

namespace {

std::atomic<bool> keep_busy{true};

void be_busy() {
  while (keep_busy.load()) {
  }
}

void sleep_with(const std::string& /*argument*/) {
  std::this_thread::sleep_for(std::chrono::hours(1));
}

}  // namespace

int main() {
  constexpr int kBusy = 8, kStarting = 48;
  for (int i = 0; i < kBusy; ++i)
    std::thread(be_busy).detach();
  for (int i = 0; i < kStarting; ++i)
    std::thread(sleep_with, std::string(100, 'a')).detach();
  return 0;
}
