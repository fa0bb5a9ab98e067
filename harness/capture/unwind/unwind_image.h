// SPDX-License-Identifier: Apache-2.0
// UnwindImage: what the row builder needs of an ELF file, read through libelf: frame sections, executable
// ranges, linkage tables, identity. In: a descriptor or a memory image (vDSO), untrusted. It follows no link
// to a separate debug file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/capture/unwind/cfi_section.h"

struct Elf;

namespace leakgate::capture {

/// [start, end) in the module's own address space.
struct AddressRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

/// A linkage table that may have no CFI (lld writes none).
struct PltRegion {
  AddressRange range;
  bool lazy = false;  ///< entries push their number (.plt), else plain jumps (.plt.sec, .plt.got)
  bool ibt = false;   ///< entries start with endbr64
};

/// Names one build of a module: its build id, and a hash of its size, program headers and parts of its CFI,
/// so that another file with the same build id is told apart.
struct UnwindIdentity {
  std::vector<std::uint8_t> build_id;
  std::uint64_t content_hash = 0;

  bool operator==(const UnwindIdentity&) const = default;
};

class UnwindImage {
 public:
  /// Opens the file behind `fd`, which stays the caller's and must stay open as long as the image. Fails
  /// (format) when it is not ELF, (unsupported) when it is not for x86-64 or its addresses span 4 GB or more.
  static Result<UnwindImage> open(int fd);
  /// The same over bytes that must outlive the image.
  static Result<UnwindImage> open(std::span<const std::uint8_t> bytes);

  UnwindImage(UnwindImage&&) noexcept = default;
  UnwindImage& operator=(UnwindImage&&) noexcept = default;
  ~UnwindImage() = default;

  /// Executable segments, ascending, disjoint.
  [[nodiscard]] const std::vector<AddressRange>& executable() const { return executable_; }
  /// Subtracted from an address to make a row's pc: 0 unless addresses need more than 32 bits.
  [[nodiscard]] std::uint64_t base() const { return base_; }
  [[nodiscard]] std::uint64_t entry() const { return entry_; }
  [[nodiscard]] const std::vector<PltRegion>& linkage_tables() const { return plt_; }

  /// .eh_frame, by section or through PT_GNU_EH_FRAME; nothing when absent or empty.
  [[nodiscard]] std::optional<CfiBytes> eh_frame() const;
  /// .debug_frame, decompressed; nothing when absent, or larger than kMaxDebugFrame.
  [[nodiscard]] std::optional<CfiBytes> debug_frame() const;
  /// Bytes of [start, end) where one loaded segment holds them all in the file, else empty.
  [[nodiscard]] std::span<const std::uint8_t> bytes_at(std::uint64_t start, std::uint64_t end) const;

  /// Empty build_id when the file has none: it cannot be cached then.
  [[nodiscard]] const UnwindIdentity& identity() const { return identity_; }

 private:
  struct ElfCloser {
    void operator()(Elf* elf) const;
  };
  struct Segment {
    std::uint64_t address = 0;
    std::uint64_t offset = 0;
    std::uint64_t file_bytes = 0;
  };

  UnwindImage() = default;
  static Result<UnwindImage> from(Elf* elf, std::uint64_t file_bytes);
  Status read_segments();
  void read_sections();
  void read_plt(std::size_t index, std::string_view name);
  void read_build_id(std::uint64_t offset, std::uint64_t size_bytes);
  void hash_content(std::uint64_t file_bytes);
  [[nodiscard]] std::span<const std::uint8_t> raw(std::uint64_t offset, std::uint64_t size_bytes) const;

  std::unique_ptr<Elf, ElfCloser> elf_;
  std::vector<AddressRange> executable_;
  std::vector<Segment> segments_;
  std::vector<PltRegion> plt_;
  std::uint64_t base_ = 0;
  std::uint64_t entry_ = 0;
  std::uint64_t eh_frame_hdr_ = 0;  ///< address; 0: none
  std::size_t eh_frame_section_ = 0;
  std::size_t debug_frame_section_ = 0;
  std::uint64_t text_address_ = 0;
  std::uint64_t got_address_ = 0;
  UnwindIdentity identity_;
};

}  // namespace leakgate::capture
