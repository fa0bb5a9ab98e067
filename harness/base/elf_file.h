// SPDX-License-Identifier: Apache-2.0
// ElfFile: the part of ElfImage that touches libelf: opens and checks a file, reads bytes, sections and
// symbol tables with every bound checked. Private to elf_image.cpp and elf_symbols.cpp.
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
#include "harness/base/result.h"

namespace leakgate {

/// A symbol as it stands in a table; `name` points into the table.
struct RawSymbol {
  std::string_view name;  ///< without version suffix
  std::uint64_t vaddr = 0;
  std::uint64_t size_bytes = 0;
  unsigned type = 0;  ///< STT_*
  unsigned bind = 0;  ///< STB_*
  bool default_version = true;
};

[[nodiscard]] inline unsigned type_of(const Elf64_Sym& symbol) {
  return symbol.st_info & 0xfu;
}
[[nodiscard]] inline unsigned bind_of(const Elf64_Sym& symbol) {
  return symbol.st_info >> 4u;
}

/// One symbol table with its names, as views into memory libelf owns.
struct RawSymbolTable {
  std::span<const Elf64_Sym> symbols;
  std::string_view names;
  std::span<const Elf64_Half> versions;  ///< one per symbol, or empty

  /// Symbol `index`; none where it is undefined, nameless or its name lies outside the table.
  [[nodiscard]] std::optional<RawSymbol> at(std::size_t index) const;
};

/// An open, checked ELF64 x86-64 file.
class ElfFile {
 public:
  /// Takes `fd` over. Fails as ElfImage::open says.
  static Result<ElfFile> from_fd(Descriptor fd, const std::string& name);

  [[nodiscard]] const Elf64_Ehdr& header() const { return header_; }
  [[nodiscard]] const std::vector<Elf64_Phdr>& program_headers() const { return program_headers_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  /// Exactly `count` bytes at `offset`, or nothing.
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> read(std::uint64_t offset,
                                                              std::uint64_t count) const;
  /// The symbol table of section type `type` (SHT_DYNSYM or SHT_SYMTAB), empty where there is none.
  [[nodiscard]] RawSymbolTable symbols(std::uint32_t type) const;
  [[nodiscard]] bool has_section(std::string_view name) const;
  /// Lower-case hex; empty where the file has none.
  [[nodiscard]] std::string build_id() const;

 private:
  struct Close {
    void operator()(Elf* elf) const { elf_end(elf); }
  };
  /// Contents of a section that lies inside the file, or nullptr.
  [[nodiscard]] Elf_Data* contents(Elf_Scn* section, Elf_Type type) const;
  [[nodiscard]] std::optional<std::string> build_id_in(std::uint64_t offset, std::uint64_t count,
                                                       std::uint64_t align) const;

  Descriptor fd_;
  std::unique_ptr<Elf, Close> elf_;  // after fd_: it is ended before the descriptor is closed
  std::uint64_t size_bytes_ = 0;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> program_headers_;
};

/// Opens a regular file for reading without ever blocking on a FIFO or device.
Result<Descriptor> open_regular_file(const std::string& path);

}  // namespace leakgate
