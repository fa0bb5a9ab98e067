// SPDX-License-Identifier: Apache-2.0
// ReadAhead: opens modules while the target still runs, and leakgate has nothing else to do, so that they are
// at hand when their stacks are named at the end. See docs/decisions/0072.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/symbolize/module_reader.h"

namespace leakgate::symbolize {

/// Reads modules in a thread of its own, one after the other. What is wrong with a module is found out again
/// by who asks for it: only what could be read whole is handed over.
class ReadAhead {
 public:
  /// The reading begins `delay` after start(): a run that is over before waits for nothing. Modules of which
  /// addresses are expected are read at once.
  ReadAhead(SymbolizerOptions options, std::chrono::milliseconds delay);
  /// Waits for the module that is being read, if any.
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// Puts a module in the queue; `keep` is held open until it is read. Large files are left out.
  /// `if_expected`: it is read only once addresses of it are expected.
  void add(ModuleFile file, std::shared_ptr<Descriptor> keep, bool if_expected = false);
  /// Says that this address of a module that was added will be asked for: when the module is read, what it
  /// takes to answer is read as well. More than some are left out.
  void expect(const ModuleFile& file, std::uint64_t address);
  /// Lets the reading begin; further calls do nothing. Without a thread to be had nothing is read ahead.
  void start();
  /// Ends the reading, once the module that is being read is read; what was read can be taken as before.
  void stop();
  /// The module, if it was read, or is being read just now (this waits for it); else null, and it will not be
  /// read any more.
  [[nodiscard]] std::unique_ptr<ReadModule> take(const ModuleFile& file);
  /// Stops, and gives what nobody took of what was read.
  [[nodiscard]] std::vector<std::unique_ptr<ReadModule>> take_rest();

 private:
  static constexpr std::uint32_t kMostAddresses = 2000;
  enum class State : std::uint8_t { waiting, under_way, done };
  struct Entry {
    std::unique_ptr<ReadModule> module;
    std::shared_ptr<Descriptor> keep;
    State state = State::waiting;
    bool if_expected = false;
    std::vector<std::uint64_t> expected{};  ///< addresses that were not looked up yet
    std::uint32_t room = kMostAddresses;
  };

  /// Waits until `is_so()`, with the lock held at each look. Never for a notification alone: glibc
  /// before 2.41 can lose one (its bug 25847), and whoever waits for this thread would wait for ever.
  template <typename Condition>
  void wait(std::unique_lock<std::mutex>& lock, Condition&& is_so);
  void run();
  void read(ReadModule& module, bool in_hurry);
  /// Looks up some of the addresses; the answers are thrown away, what they were made of is not.
  static void look_up(ReadModule& module, const std::vector<std::uint64_t>& addresses);
  /// Whether there is room for a file of this size, which is taken then.
  bool take_room(std::uint64_t bytes);
  Entry* find(const ModuleFile& file);
  /// The entry's module, with the addresses that were expected of it.
  static std::unique_ptr<ReadModule> release(Entry& entry);
  /// The next entry to be read, or else with addresses to be looked up; before the delay is over, of those
  /// with addresses.
  Entry* next_entry();

  const SymbolizerOptions options_;
  const std::chrono::milliseconds delay_;
  std::mutex mutex_;  ///< of all below
  std::condition_variable changed_;
  std::list<Entry> entries_;
  std::uint64_t bytes_ = 0;  ///< of the files that were queued
  bool stop_ = false;
  bool delayed_ = true;
  std::thread reader_;
};

}  // namespace leakgate::symbolize
