// SPDX-License-Identifier: Apache-2.0
// ElfFile: one ELF file, opened with care: regular files only, bounded size, bounded decompressed size.
// In: a path, or an open descriptor. Out: libelf's handle and the few facts that symbolizing asks of it.
#pragma once

#include <libelf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/base/page_buffer.h"
#include "harness/base/result.h"
#include "harness/symbolize/debug_sections.h"

namespace leakgate::symbolize {

/// Bounds on what is read of one file.
struct FileLimits {
  std::uint64_t file_bytes = std::uint64_t{4} << 30U;
  std::uint64_t decompressed_bytes = std::uint64_t{2} << 30U;  ///< of all compressed sections together
  std::uint64_t mini_debug_bytes = std::uint64_t{256} << 20U;  ///< of .gnu_debugdata, decompressed
};

/// A half-open range of addresses in the file's own address space.
struct AddressRange {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  [[nodiscard]] bool contains(std::uint64_t address) const { return address >= low && address < high; }
};

/// A build id as text: lower-case hex.
[[nodiscard]] std::string build_id_text(const void* bytes, std::size_t count);

/// What .gnu_debuglink says.
struct DebugLink {
  std::string name;
  std::uint32_t crc = 0;
};

/// Owner of a libelf handle and of what lies behind it.
class ElfFile {
 public:
  /// Opens `path`. Fails with not_found or permission as the system says, with format when it is no regular
  /// file, no ELF file, or beyond `limits`. Never blocks on a FIFO or a device. `known_as`: what path() is to
  /// say instead of `path`.
  [[nodiscard]] static Result<std::unique_ptr<ElfFile>> open(const std::string& path,
                                                             const FileLimits& limits,
                                                             const std::string& known_as = {});

  /// As open(), for a descriptor that is open already; `path` is what it is called.
  [[nodiscard]] static Result<std::unique_ptr<ElfFile>> adopt(Descriptor descriptor, const std::string& path,
                                                              const FileLimits& limits);

  /// An ELF image in memory (.gnu_debugdata once decompressed).
  [[nodiscard]] static Result<std::unique_ptr<ElfFile>> from_memory(std::vector<char> image,
                                                                    const FileLimits& limits);

  [[nodiscard]] Elf* elf() const { return elf_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Lower-case hex; empty if the file has none.
  [[nodiscard]] const std::string& build_id() const { return build_id_; }
  /// Where code is, by the program headers (by the section headers where there are none).
  [[nodiscard]] const std::vector<AddressRange>& code() const { return code_; }
  [[nodiscard]] bool is_code(std::uint64_t address) const;
  /// True if a section of this name exists and has contents.
  [[nodiscard]] bool has_section(std::string_view name) const;
  /// The section's bytes as they stand in the file; nothing if there is no such section.
  [[nodiscard]] std::optional<std::span<const char>> section_bytes(std::string_view name) const;
  [[nodiscard]] std::optional<DebugLink> debug_link() const;
  /// To be called before libdw is given elf(), and while nobody else has it: makes it quicker. `in_hurry`: as
  /// of decompress_debug_sections().
  void prepare_for_dwarf(bool in_hurry = false);
  /// CRC-32 of the whole file, as .gnu_debuglink has it; nothing if it cannot be read.
  [[nodiscard]] std::optional<std::uint32_t> crc() const;

 private:
  struct ElfEnd {
    void operator()(Elf* elf) const { elf_end(elf); }
  };

  ElfFile() = default;
  [[nodiscard]] Status examine(const FileLimits& limits);
  [[nodiscard]] Elf_Scn* find_section(std::string_view name) const;
  void read_code_ranges();
  void read_at_once();

  std::string path_;
  FileLimits limits_;
  Descriptor descriptor_;
  std::vector<char> image_;
  PageBuffer contents_;  ///< all of the file, once it was read at once
  SectionBuffers decompressed_;
  std::unique_ptr<Elf, ElfEnd> elf_;  // after what it refers to: ends before that goes
  std::string build_id_;
  std::vector<AddressRange> code_;
};

}  // namespace leakgate::symbolize
