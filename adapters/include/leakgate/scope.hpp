// SPDX-License-Identifier: Apache-2.0
// Leak assertions inside a test: scopes, limits, blocks that are meant to leak, snapshots. C++11. Include it
// after the test framework's header, so that the macros know how to fail. See docs/adapters.md.
#ifndef LEAKGATE_SCOPE_HPP
#define LEAKGATE_SCOPE_HPP

#include <leakgate/leakgate.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

// as LEAKGATE_INLINE
#if LEAKGATE_HAS_CHANNEL
#define LEAKGATE_MEMBER __attribute__((always_inline))
#else
#define LEAKGATE_MEMBER
#endif

namespace leakgate {

/// Whether leakgate runs this program. Without it every check finds nothing.
inline bool is_present() {
  return leakgate_is_present() != 0;
}

/// What a check found.
class Result {
 public:
  Result() { std::memset(&raw_, 0, sizeof raw_); }

  /// Leaks that fail the gate, by the run's policy.
  bool leaks() const { return raw_.status == LEAKGATE_LEAKS; }
  /// leakgate runs the program, but could not examine it here.
  bool unknown() const { return raw_.status == LEAKGATE_UNKNOWN; }
  /// Nothing fails, and that is known.
  explicit operator bool() const { return !leaks() && !unknown(); }
  std::uint64_t leaked_bytes() const { return raw_.leaked.bytes; }
  std::uint64_t leaked_blocks() const { return raw_.leaked.blocks; }
  /// Allocation sites that leak.
  std::uint32_t sites() const { return raw_.leaks; }
  /// What is outstanding of one kind, leak or not.
  std::uint64_t bytes(leakgate_kind kind) const { return raw_.kinds[kind].bytes; }
  std::uint64_t blocks(leakgate_kind kind) const { return raw_.kinds[kind].blocks; }
  /// What is outstanding of all kinds.
  std::uint64_t outstanding_bytes() const {
    std::uint64_t sum = 0;
    for (const leakgate_figures& figures : raw_.kinds)
      sum += figures.bytes;
    return sum;
  }
  std::uint64_t outstanding_blocks() const {
    std::uint64_t sum = 0;
    for (const leakgate_figures& figures : raw_.kinds)
      sum += figures.blocks;
    return sum;
  }
  /// The leaks with their stacks; empty where there are none.
  const char* text() const { return unknown() ? "leakgate: the process could not be examined\n" : raw_.text; }

  leakgate_result* raw() { return &raw_; }

 private:
  leakgate_result raw_;
};

/// From here to the end of the block: what is allocated in the process meanwhile, by any thread. Scopes nest.
class Scope {
 public:
  /// `name` is copied by leakgate at once.
  explicit Scope(const char* name) { leakgate_scope_start(&place_, name); }
  ~Scope() { leakgate_scope_end(&place_); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// What of it is outstanding now, and what of that leaks.
  LEAKGATE_MEMBER Result check() const {
    Result result;
    check_into(result);
    return result;
  }
  LEAKGATE_MEMBER void check_into(Result& result) const { leakgate_scope_check(&place_, result.raw()); }
  /// What it leaked is meant to be: no report has it.
  void accept() const { leakgate_scope_accept(&place_); }

 private:
  mutable char place_ = 0;  // an address of its own
};

namespace detail {

/// A call of its own: what the statement left in its frame is gone when it returns.
template <typename Function>
__attribute__((noinline)) void call(Function&& function) {
  std::forward<Function>(function)();
  __asm__ __volatile__("" ::: "memory");
}

template <typename Function>
Result check_call(const char* name, Function&& function) {
  const Scope scope(name);
  call(std::forward<Function>(function));
  return scope.check();
}

/// As check_call(), with up to `max_bytes` accepted.
template <typename Function>
Result check_limited_call(const char* name, std::uint64_t max_bytes, Function&& function) {
  const Scope scope(name);
  call(std::forward<Function>(function));
  const Result result = scope.check();
  // what is reachable by a stale word here would be lost later: it is meant as well, as far as it is within
  // the limit
  const bool all_within = result.outstanding_bytes() != 0 && result.outstanding_bytes() <= max_bytes;
  if (result.leaked_bytes() <= max_bytes && (result.leaks() || all_within)) scope.accept();
  return result;
}

}  // namespace detail

/// A part of a test that leaks on purpose: up to `MaxBytes` are no leak, more are. What is within the limit
/// is in no report; check() tells before the end of the block whether it is.
template <std::uint64_t MaxBytes>
class Expected {
 public:
  explicit Expected(const char* name = "expected leaks") : scope_(name) {}
  ~Expected() {
    if (is_present() && within()) scope_.accept();
  }
  Expected(const Expected&) = delete;
  Expected& operator=(const Expected&) = delete;

  LEAKGATE_MEMBER Result check() const { return scope_.check(); }
  bool within() const {
    const Result result = scope_.check();
    return !result.unknown() && result.leaked_bytes() <= MaxBytes;
  }

 private:
  Scope scope_;
};

/// What this thread allocates while it lives is no leak, nor is what that leads to: LeakSanitizer's
/// ScopedDisabler.
class ScopedDisabler {
 public:
  ScopedDisabler() { leakgate_disable(); }
  ~ScopedDisabler() { leakgate_enable(); }
  ScopedDisabler(const ScopedDisabler&) = delete;
  ScopedDisabler& operator=(const ScopedDisabler&) = delete;
};

/// The block that starts at `block`, and what it leads to, is no leak: LeakSanitizer's __lsan_ignore_object.
template <typename T>
T* ignore(T* block) {
  leakgate_ignore(const_cast<typename std::remove_cv<T>::type*>(block));
  return block;
}

/// Everything that was outstanding in the process at one moment.
class Snapshot {
 public:
  explicit Snapshot(const char* label) : label_(label) { leakgate_snapshot(result_.raw()); }
  const char* label() const { return label_; }
  const Result& result() const { return result_; }

 private:
  const char* label_;  // a text that outlives it
  Result result_;
};

/// How two snapshots differ, later minus earlier.
struct Growth {
  const char* from;
  const char* to;
  std::int64_t bytes[LEAKGATE_KINDS];  ///< by leakgate_kind
  std::int64_t blocks[LEAKGATE_KINDS];
  std::int64_t all_bytes;
  std::int64_t all_blocks;
};

inline Growth compare(const Snapshot& earlier, const Snapshot& later) {
  Growth growth;
  growth.from = earlier.label();
  growth.to = later.label();
  growth.all_bytes = growth.all_blocks = 0;
  for (int i = 0; i < LEAKGATE_KINDS; ++i) {
    const leakgate_kind kind = static_cast<leakgate_kind>(i);
    growth.bytes[i] = static_cast<std::int64_t>(later.result().bytes(kind) - earlier.result().bytes(kind));
    growth.blocks[i] = static_cast<std::int64_t>(later.result().blocks(kind) - earlier.result().blocks(kind));
    growth.all_bytes += growth.bytes[i];
    growth.all_blocks += growth.blocks[i];
  }
  return growth;
}

/// A function whose calls are scopes; last() tells what the last call left.
template <typename Function>
class Tracked {
 public:
  Tracked(Function function, const char* name) : function_(std::move(function)), name_(name) {}

  template <typename... Arguments>
  auto operator()(Arguments&&... arguments)
      -> decltype(std::declval<Function&>()(std::forward<Arguments>(arguments)...)) {
    const Scope scope(name_);
    const Check check{scope, last_};
    return function_(std::forward<Arguments>(arguments)...);
  }
  const Result& last() const { return last_; }

 private:
  /// Checks when the call has returned, before its scope ends.
  struct Check {
    const Scope& scope;
    Result& result;
    ~Check() { scope.check_into(result); }
  };
  Function function_;
  const char* name_;
  Result last_;
};

template <typename Function>
Tracked<typename std::decay<Function>::type> track(Function&& function, const char* name = "tracked call") {
  return Tracked<typename std::decay<Function>::type>(std::forward<Function>(function), name);
}

namespace detail {
/// Without a framework: says it, and ends the program where that was asked for.
inline void fail_plainly(const char* file, int line, const std::string& message, bool fatal) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, message.c_str());
  std::fflush(stderr);
  if (fatal) std::abort();
}
}  // namespace detail

}  // namespace leakgate

/// Runs the statement; fails, without ending the test, where it leaks.
#define LEAKGATE_EXPECT_NO_LEAKS(...)                                                          \
  do {                                                                                         \
    const ::leakgate::Result leakgate_result_ =                                                \
        ::leakgate::detail::check_call(#__VA_ARGS__, [&] { __VA_ARGS__; });                    \
    if (!leakgate_result_)                                                                     \
      LEAKGATE_FAIL_(std::string("this leaks: " #__VA_ARGS__ "\n") + leakgate_result_.text()); \
  } while (0)

/// Runs the statement; ends the test as failed where it leaks more than so many bytes. What is within the
/// limit is in no report.
#define LEAKGATE_ASSERT_MAX_LEAKED(statement, max_bytes)                                                  \
  do {                                                                                                    \
    const ::leakgate::Result leakgate_result_ =                                                           \
        ::leakgate::detail::check_limited_call(#statement, (max_bytes), [&] { statement; });              \
    if (leakgate_result_.unknown() || leakgate_result_.leaked_bytes() > (max_bytes))                      \
      LEAKGATE_FAIL_FATALLY_(std::string("this leaks more than " #max_bytes " bytes: " #statement "\n") + \
                             leakgate_result_.text());                                                    \
  } while (0)

#endif

// How to fail: again at each inclusion, since the framework's header may have come in between.
#undef LEAKGATE_FAIL_
#undef LEAKGATE_FAIL_FATALLY_
#if defined(ADD_FAILURE)
#define LEAKGATE_FAIL_(message) ADD_FAILURE() << (message)
#define LEAKGATE_FAIL_FATALLY_(message) GTEST_FAIL() << (message)
#elif defined(CATCH_FAIL_CHECK)
#define LEAKGATE_FAIL_(message) CATCH_FAIL_CHECK((message).c_str())
#define LEAKGATE_FAIL_FATALLY_(message) CATCH_FAIL((message).c_str())
#elif defined(FAIL_CHECK)  // Catch2's, or doctest's
#define LEAKGATE_FAIL_(message) FAIL_CHECK((message).c_str())
#define LEAKGATE_FAIL_FATALLY_(message) FAIL((message).c_str())
#elif defined(BOOST_ERROR)
#define LEAKGATE_FAIL_(message) BOOST_ERROR(message)
#define LEAKGATE_FAIL_FATALLY_(message) BOOST_FAIL(message)
#else
#define LEAKGATE_FAIL_(message) ::leakgate::detail::fail_plainly(__FILE__, __LINE__, (message), false)
#define LEAKGATE_FAIL_FATALLY_(message) ::leakgate::detail::fail_plainly(__FILE__, __LINE__, (message), true)
#endif
