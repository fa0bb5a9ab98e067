// SPDX-License-Identifier: Apache-2.0
// TruthLog: where leaking code writes down what it lost. It lives in shared anonymous memory, so that forked
// children write into the same log and so that keeping the truth never touches the heap under test.
#pragma once

#include <pthread.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace leakgate::simulator {

/// What a leaked block is at the end of its process.
enum class Kind { definitely_lost, indirectly_lost, possibly_lost, still_reachable };

/// When the last pointer to a leaked block went: while its test ran, in the late clean-up, or not at all.
enum class LostWhen { in_test, late, never };

inline constexpr std::size_t kMaxText = 255;

/// A bounded string without heap; longer text is cut.
class FixedText {
 public:
  FixedText() = default;
  explicit FixedText(std::string_view text) {
    const std::size_t length = text.size() < kMaxText ? text.size() : kMaxText;
    if (length > 0) std::memcpy(text_.data(), text.data(), length);
  }
  [[nodiscard]] std::string_view view() const { return text_.data(); }

 private:
  std::array<char, kMaxText + 1> text_{};
};

/// The source line of an allocation. The strings must live as long as the program (they come from macros).
struct Site {
  const char* function = "";
  const char* file = "";
  std::uint32_t line = 0;
};

/// Leaks of one kind, site, test and process, added up.
struct LogEntry {
  Kind kind;
  LostWhen when;
  bool cycle;
  bool child;
  std::uint32_t line;
  std::uint64_t blocks;
  std::uint64_t bytes;
  FixedText function;
  FixedText file;
  FixedText test;  ///< empty: no test
};

/// A fixed table of LogEntry; safe to use from several threads and from forked children at the same time.
class TruthLog {
 public:
  static constexpr std::size_t kCapacity = 1024;

  /// A new log in shared memory; nullptr when the system gives no memory. It lives until the process ends.
  static TruthLog* create();

  /// Adds a leak; entries of the same kind, site, test and process are merged. A full table sets
  /// overflowed().
  void add(Kind kind, LostWhen when, bool cycle, bool child, const Site& site, std::string_view test,
           std::uint64_t blocks, std::uint64_t bytes);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const LogEntry& entry(std::size_t index) const { return entries_[index]; }
  [[nodiscard]] bool overflowed() const { return overflowed_; }

 private:
  TruthLog() = default;
  pthread_mutex_t mutex_{};
  bool overflowed_ = false;
  std::size_t size_ = 0;
  std::array<LogEntry, kCapacity> entries_;
};

/// The spelling used in the truth file.
std::string_view name_of(Kind kind);
std::string_view name_of(LostWhen when);

}  // namespace leakgate::simulator

/// Evaluates an allocating expression and notes where it stands. Must stay on one source line: the line is
/// the truth.
#define LEAKGATE_SIM_AT(site, ...)                                                                 \
  ((site) = ::leakgate::simulator::Site{__func__, __FILE__, static_cast<std::uint32_t>(__LINE__)}, \
   (__VA_ARGS__))
