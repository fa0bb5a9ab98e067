// SPDX-License-Identifier: Apache-2.0
// A queue and its reader.
#include "harness/symbolize/read_ahead.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

namespace leakgate::symbolize {
namespace {

/// Beyond, what is read for nothing costs more than is gained.
constexpr std::uint64_t kMostBytes = std::uint64_t{192} << 20U;
/// Addresses that are looked up without a look at who waits.
constexpr std::size_t kAtOnce = 8;

/// Size of the file; all there is where it cannot be told.
std::uint64_t bytes_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && status.st_size >= 0
             ? static_cast<std::uint64_t>(status.st_size)
             : ~std::uint64_t{0};
}

}  // namespace

template <typename Condition>
void ReadAhead::wait(std::unique_lock<std::mutex>& lock, Condition&& is_so) {
  constexpr std::chrono::milliseconds kTurn{100};
  while (!changed_.wait_for(lock, kTurn, is_so)) {
  }
}

ReadAhead::ReadAhead(SymbolizerOptions options, std::chrono::milliseconds delay)
    : options_(std::move(options)), delay_(delay) {}

ReadAhead::~ReadAhead() {
  stop();
}

void ReadAhead::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (reader_.joinable()) reader_.join();
}

void ReadAhead::add(ModuleFile file, std::shared_ptr<Descriptor> keep, bool if_expected) {
  const std::uint64_t bytes = bytes_of(file.to_open());
  if (!take_room(bytes)) return;
  {
    const std::lock_guard lock(mutex_);
    Entry entry;
    entry.module = std::make_unique<ReadModule>();
    entry.module->info = std::move(file);
    entry.keep = std::move(keep);
    entry.if_expected = if_expected;
    entries_.push_back(std::move(entry));
  }
  changed_.notify_all();
}

void ReadAhead::start() {
  if (reader_.joinable()) return;
  try {
    reader_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {  // everything is read at the end, then
  }
}

void ReadAhead::expect(const ModuleFile& file, std::uint64_t address) {
  {
    const std::lock_guard lock(mutex_);
    Entry* const entry = find(file);
    if (entry == nullptr || entry->room == 0) return;
    --entry->room;
    entry->expected.push_back(address);
  }
  changed_.notify_all();
}

ReadAhead::Entry* ReadAhead::find(const ModuleFile& file) {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.module->info == file; });
  return found == entries_.end() ? nullptr : &*found;
}

ReadAhead::Entry* ReadAhead::next_entry() {
  Entry* next = nullptr;
  for (Entry& entry : entries_) {
    const bool is_waiting = entry.state == State::waiting;
    if (entry.expected.empty() && (delayed_ || !is_waiting || entry.if_expected)) continue;
    if (next == nullptr) next = &entry;
    if (is_waiting) return &entry;
  }
  return next;
}

void ReadAhead::look_up(ReadModule& module, const std::vector<std::uint64_t>& addresses) {
  std::vector<SourceFrame> frames;
  try {
    for (const std::uint64_t address : addresses) {
      if (!module.dwarf || !module.file->is_code(address)) continue;
      module.dwarf->resolve(address, frames);
      module.expected.push_back(address);
    }
  } catch (const std::exception& error) {
    module.note = error.what();  // so that it is not taken
  }
}

bool ReadAhead::take_room(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (bytes > kMostBytes - bytes_) return false;
  bytes_ += bytes;
  return true;
}

void ReadAhead::read(ReadModule& module, bool in_hurry) {
  SymbolizerOptions options = options_;
  options.in_hurry = in_hurry;
  try {
    module.load(options);
    const bool has_room = !module.debug_file || take_room(bytes_of(module.debug_file->path()));
    if (module.file && has_room) module.load_dwarf(options);
  } catch (const std::exception& error) {
    module.note = error.what();  // so that it is not taken
  }
}

void ReadAhead::run() {
  // the one who started this may have hurried
  if (::getpriority(PRIO_PROCESS, 0) < 0) (void)::setpriority(PRIO_PROCESS, 0, 0);
  std::unique_lock lock(mutex_);
  const auto begin = std::chrono::steady_clock::now() + delay_;
  for (;;) {
    Entry* entry = nullptr;
    wait(lock, [&] {
      delayed_ = delayed_ && std::chrono::steady_clock::now() < begin;
      return stop_ || (entry = next_entry()) != nullptr;
    });
    if (stop_) return;
    const bool is_read = entry->state == State::done;
    const bool in_hurry = delayed_;  // the run may end soon
    std::vector<std::uint64_t> addresses;
    // a few at a time: who asks for the module waits for them
    for (std::size_t i = 0; is_read && i < kAtOnce && !entry->expected.empty(); ++i) {
      addresses.push_back(entry->expected.back());
      entry->expected.pop_back();
    }
    entry->state = State::under_way;
    lock.unlock();
    if (is_read)
      look_up(*entry->module, addresses);
    else
      read(*entry->module, in_hurry);
    lock.lock();
    entry->state = State::done;
    changed_.notify_all();
  }
}

std::unique_ptr<ReadModule> ReadAhead::release(Entry& entry) {
  std::vector<std::uint64_t>& expected = entry.module->expected;
  expected.insert(expected.end(), entry.expected.begin(), entry.expected.end());
  return std::move(entry.module);
}

std::unique_ptr<ReadModule> ReadAhead::take(const ModuleFile& file) {
  std::unique_lock lock(mutex_);
  Entry* const entry = find(file);
  if (entry == nullptr) return nullptr;
  wait(lock, [&] { return entry->state != State::under_way; });
  std::unique_ptr<ReadModule> module = release(*entry);
  // where looking up ahead has used up the module's bounds, those who ask get them afresh
  const bool exhausted = module->dwarf && module->dwarf->exhausted();
  const bool whole = entry->state == State::done && module->file && module->note.empty() && !exhausted;
  entries_.remove_if([&](const Entry& each) { return &each == entry; });
  if (whole && module->dwarf) module->dwarf->renew(options_.dwarf_limits);
  return whole ? std::move(module) : nullptr;
}

std::vector<std::unique_ptr<ReadModule>> ReadAhead::take_rest() {
  stop();
  std::vector<std::unique_ptr<ReadModule>> rest;
  for (Entry& entry : entries_)
    if (entry.state == State::done && entry.module->file) rest.push_back(release(entry));
  entries_.clear();
  return rest;
}

}  // namespace leakgate::symbolize
