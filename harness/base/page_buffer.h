// SPDX-License-Identifier: Apache-2.0
// PageBuffer: memory for much that is read at once.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace leakgate {

/// Owner of zeroed pages of its own, large ones where the system gives them on request: to touch fresh memory
/// 4 KiB at a time would take as long as the reading.
class PageBuffer {
 public:
  PageBuffer() = default;
  /// Empty where the memory cannot be had, and for 0 bytes.
  explicit PageBuffer(std::size_t bytes);
  PageBuffer(PageBuffer&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  PageBuffer& operator=(PageBuffer&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~PageBuffer();

  [[nodiscard]] char* data() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  std::span<char> bytes_;
};

}  // namespace leakgate
