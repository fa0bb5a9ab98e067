// SPDX-License-Identifier: Apache-2.0
// ByteReader: a bounded little-endian cursor over untrusted bytes. A read past the end returns zero and makes
// the reader bad for good, so callers may read several fields and ask ok() once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace leakgate::capture {

/// Cursor over [begin, end); never reads outside, never goes back.
class ByteReader {
 public:
  ByteReader() = default;
  ByteReader(const std::uint8_t* begin, const std::uint8_t* end) : at_(begin), end_(end) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] const std::uint8_t* at() const { return at_; }
  [[nodiscard]] const std::uint8_t* end() const { return end_; }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  /// Next little-endian value of type T (an integer); 0 when too few bytes are left.
  template <typename T>
  T read() {
    T value = 0;
    if (left() < sizeof(T)) {
      fail();
      return value;
    }
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  /// Next unsigned LEB128; bits above 64 are dropped.
  std::uint64_t uleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at_ < end_; shift += 7) {
      const std::uint8_t byte = *at_++;
      if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    fail();
    return 0;
  }

  /// Next signed LEB128; bits above 64 are dropped.
  std::int64_t sleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at_ < end_;) {
      const std::uint8_t byte = *at_++;
      if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      shift += 7;
      if ((byte & 0x80) != 0) continue;
      if (shift < 64 && (byte & 0x40) != 0) value |= ~std::uint64_t{0} << shift;
      return static_cast<std::int64_t>(value);
    }
    fail();
    return 0;
  }

  void skip(std::uint64_t count) {
    if (count > left()) {
      fail();
    } else {
      at_ += count;
    }
  }

  /// A reader over the next `count` bytes, which this one steps over; empty and bad when there are fewer.
  ByteReader take(std::uint64_t count) {
    if (count > left()) {
      fail();
      ByteReader bad(end_, end_);
      bad.ok_ = false;
      return bad;
    }
    const std::uint8_t* begin = at_;
    at_ += count;
    return {begin, at_};
  }

  void fail() {
    ok_ = false;
    at_ = end_;
  }

 private:
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  bool ok_ = true;
};

}  // namespace leakgate::capture
