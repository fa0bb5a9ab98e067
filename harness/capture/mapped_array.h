// SPDX-License-Identifier: Apache-2.0
// MappedArray: an eBPF array map whose values stand in this process's memory, so that reading and filling it
// takes no system calls. In: a map's descriptor, or sizes for a new one. Out: a span of values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"

namespace leakgate::capture {

/// An Error from a negative errno of libbpf or of the bpf system call; permission and unsupported are told
/// apart and hinted at. `words`: what libbpf said.
Error map_error(std::string_view what, int negative_errno, std::string_view words = {});

/// Owns a mapping, and the map's descriptor where it made the map.
class MappedArray {
 public:
  /// What a new map is.
  struct Shape {
    const char* name = "";
    std::uint32_t value_bytes = 0;
    std::uint32_t entries = 0;
    bool any_size = false;  ///< an inner map whose outer map takes any number of entries
  };

  /// Makes an array map. Fails (permission, unsupported, io) as the kernel says.
  static Result<MappedArray> create(const Shape& shape);
  /// Maps the array map behind `fd`, which stays the caller's.
  static Result<MappedArray> open(int fd, std::uint32_t value_bytes, std::uint32_t entries);

  MappedArray(MappedArray&& other) noexcept;
  MappedArray& operator=(MappedArray&&) = delete;
  ~MappedArray();

  /// The new map's descriptor; -1 for one that was opened.
  [[nodiscard]] int descriptor() const { return fd_.get(); }
  /// The values. T's size is a multiple of eight, and that of a value.
  template <typename T>
  [[nodiscard]] std::span<T> values() const {
    static_assert(sizeof(T) % 8 == 0, "the kernel rounds the size of values up to eight bytes");
    return {static_cast<T*>(memory_), bytes_ / sizeof(T)};
  }

 private:
  MappedArray() = default;
  Status map(int fd, std::uint32_t value_bytes, std::uint32_t entries);
  Descriptor fd_;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace leakgate::capture
