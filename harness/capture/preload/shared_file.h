// SPDX-License-Identifier: Apache-2.0
// SharedFile: the memory file that the traced processes write their ledgers to. The part for all processes is
// mapped; regions of processes are read through the descriptor, since looking at a hole through a mapping
// would fill it, or where it is known what was written, through a mapping for a while.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "adapters/preload/shared_layout.h"
#include "harness/base/descriptor.h"
#include "harness/base/result.h"

namespace leakgate::capture {

/// Part of a process's region, mapped for reading; unmapped with this. What was never written must not be
/// looked at.
class RegionView {
 public:
  RegionView(std::byte* bytes, std::size_t size) : bytes_(bytes), size_(size) {}
  RegionView(RegionView&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  RegionView& operator=(RegionView&&) = delete;
  ~RegionView();
  /// Empty: could not be mapped.
  [[nodiscard]] std::span<const std::byte> bytes() const { return {bytes_, size_}; }

 private:
  std::byte* bytes_;
  std::size_t size_;
};

class SharedFile {
 public:
  static Result<SharedFile> make();
  SharedFile(SharedFile&& other) noexcept;
  SharedFile& operator=(SharedFile&&) = delete;
  ~SharedFile();

  /// What the environment calls it.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] preload::Header& header() const { return *reinterpret_cast<preload::Header*>(control_); }
  [[nodiscard]] preload::Process& process(std::uint32_t index) const;
  /// A place in the part for all.
  [[nodiscard]] std::byte* control(std::uint64_t offset) const { return control_ + offset; }

  /// Reads a part of a process's region; what was never written is 0. False: it cannot be read.
  bool read(std::uint32_t process, std::uint64_t offset, std::span<std::byte> out) const;
  bool write(std::uint32_t process, std::uint64_t offset, std::span<const std::byte> bytes) const;
  template <typename T>
  [[nodiscard]] T get(std::uint32_t process, std::uint64_t offset) const {
    T value{};
    read(process, offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  template <typename T>
  void put(std::uint32_t process, std::uint64_t offset, const T& value) const {
    write(process, offset, std::as_bytes(std::span(&value, 1)));
  }
  /// Calls `visit` for the parts of [offset, offset + bytes) that were written, with their offset and, in
  /// between, 0 where nothing was. They begin at multiples of a page. False: not all of them could be read.
  [[nodiscard]] bool visit_written(
      std::uint32_t process, std::uint64_t offset, std::uint64_t bytes,
      const std::function<void(std::uint64_t, std::span<std::byte>)>& visit) const;
  [[nodiscard]] RegionView view(std::uint32_t process, std::uint64_t offset, std::size_t bytes) const;
  /// Memory that the file takes.
  [[nodiscard]] std::uint64_t written_bytes() const;
  /// Gives the memory of a process's region back.
  void drop(std::uint32_t process) const;

 private:
  SharedFile() = default;
  Descriptor file_;
  std::byte* control_ = nullptr;
};

}  // namespace leakgate::capture
