// SPDX-License-Identifier: Apache-2.0
// System calls and atomic operations, without the C library: the preloaded library runs before it is set up,
// inside it, and in signal handlers. errno is never touched.
#pragma once

#include <sys/syscall.h>

#include "adapters/preload/shared_layout.h"

namespace leakgate::preload {

#define LG_LIKELY(x) __builtin_expect(!!(x), 1)
#define LG_UNLIKELY(x) __builtin_expect(!!(x), 0)

inline long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

/// Whether Valgrind runs the program, by the question of its valgrind.h: instructions that do nothing, and an
/// exchange that nobody writes, for which it puts an answer into a register.
inline bool is_on_valgrind() {
  const u64 question[6] = {0x1001, 0, 0, 0, 0, 0};  // VG_USERREQ__RUNNING_ON_VALGRIND
  u64 answer = 0;
  asm volatile(
      "rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\t"
      "xchgq %%rbx, %%rbx"
      : "+d"(answer)
      : "a"(&question[0])
      : "cc", "memory");
  return answer != 0;
}

template <typename T>
long word(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

template <typename T>
T load(const T& from) {
  return __atomic_load_n(&from, __ATOMIC_ACQUIRE);
}
template <typename T>
void store(T& to, T value) {
  __atomic_store_n(&to, value, __ATOMIC_RELEASE);
}

/// One instruction, so that a signal handler finds it done or not begun; not safe between threads.
inline bool exchange_alone(u64& at, u64 expected, u64 wanted) {
  bool done;
  asm volatile("cmpxchgq %[wanted], %[at]"
               : "=@ccz"(done), [at] "+m"(at), "+a"(expected)
               : [wanted] "r"(wanted)
               : "memory");
  return done;
}
inline bool exchange_among_threads(u64& at, u64 expected, u64 wanted) {
  return __atomic_compare_exchange_n(&at, &expected, wanted, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
/// Makes two words at a multiple of 16 bytes, which are 0, into others at once: who sees the first, sees
/// both. False: they are not 0. Safe between threads where `many`.
inline bool fill_two_words(u64* at, u64 first, u64 second, bool many) {
  bool done;
  u64 low = 0, high = 0;
  auto& words = *reinterpret_cast<u64(*)[2]>(at);
  if (LG_UNLIKELY(many))
    asm volatile("lock cmpxchg16b %[words]"
                 : "=@ccz"(done), [words] "+m"(words), "+a"(low), "+d"(high)
                 : "b"(first), "c"(second)
                 : "memory");
  else
    asm volatile("cmpxchg16b %[words]"
                 : "=@ccz"(done), [words] "+m"(words), "+a"(low), "+d"(high)
                 : "b"(first), "c"(second)
                 : "memory");
  return done;
}
/// What the counter was before `count` was added, in one instruction; safe between threads where `many`.
inline u32 fetch_add(u32& counter, u32 count, bool many) {
  if (LG_UNLIKELY(many)) return __atomic_fetch_add(&counter, count, __ATOMIC_RELAXED);
  asm volatile("xaddl %[count], %[counter]" : [counter] "+m"(counter), [count] "+r"(count) : : "cc");
  return count;
}
/// Adds in one instruction; safe between threads where `many`.
template <typename T>
void add(T& to, T value, bool many) {
  if (LG_UNLIKELY(many)) {
    __atomic_fetch_add(&to, value, __ATOMIC_RELAXED);
    return;
  }
  if constexpr (sizeof(T) == 8)
    asm volatile("addq %[value], %[to]" : [to] "+m"(to) : [value] "r"(value) : "cc");
  else
    asm volatile("addl %[value], %[to]" : [to] "+m"(to) : [value] "r"(value) : "cc");
}

inline u32 own_tid() {
  return static_cast<u32>(system_call(SYS_gettid));
}
inline u32 own_pid() {
  return static_cast<u32>(system_call(SYS_getpid));
}
inline u64 monotonic_ns() {
  s64 time[2] = {};
  system_call(SYS_clock_gettime, 1, word(time));
  return static_cast<u64>(time[0]) * 1'000'000'000u + static_cast<u64>(time[1]);
}
/// Sleeps while `at` has `value`, at most `ns`; for memory that processes share.
inline void futex_wait(u32& at, u32 value, u64 ns) {
  s64 limit[2] = {static_cast<s64>(ns / 1'000'000'000u), static_cast<s64>(ns % 1'000'000'000u)};
  system_call(SYS_futex, word(&at), 0, value, word(limit));
}
inline void futex_wake(u32& at) {
  system_call(SYS_futex, word(&at), 1, 0x7fffffff);
}
inline u64 thread_pointer() {
  u64 value;
  asm("mov %%fs:0, %0" : "=r"(value));
  return value;
}

inline void copy_bytes(void* to, const void* from, u64 bytes) {
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}
inline void clear_bytes(void* to, u64 bytes) {
  asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(0) : "memory");
}

}  // namespace leakgate::preload
