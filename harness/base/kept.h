// SPDX-License-Identifier: Apache-2.0
// What is kept until the process ends: to take thousands of small pieces apart takes longer than the kernel
// needs to take all of the memory back.
#pragma once

#include <memory>
#include <utility>

namespace leakgate {

/// Keeps `value`, in place of the one of its type that was kept before. For one thread.
template <typename T>
void keep_until_exit(T value) {
  static std::unique_ptr<T>& kept = *new std::unique_ptr<T>();
  kept = std::make_unique<T>(std::move(value));
}

}  // namespace leakgate
