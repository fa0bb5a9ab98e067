// SPDX-License-Identifier: Apache-2.0
// Words of the shared memory that traced processes read and write meanwhile.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <type_traits>

namespace leakgate::capture {

template <typename T>
T load(const T& from) {
  return __atomic_load_n(&from, __ATOMIC_ACQUIRE);
}

template <typename T>
void store(T& to, std::type_identity_t<T> value) {
  __atomic_store_n(&to, value, __ATOMIC_RELEASE);
}

/// Wakes whoever sleeps on the futex `word`.
inline void wake(std::uint32_t& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace leakgate::capture
