// SPDX-License-Identifier: Apache-2.0
// SymbolTable: which function an address belongs to, by the ELF symbol tables alone.
// In: .symtab and .dynsym of one or more files. Out: a name only where the table proves it; never the nearest
// guess.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/symbolize/elf_file.h"

namespace leakgate::symbolize {

/// Function symbols of a module, sorted by address.
class SymbolTable {
 public:
  /// Adds .symtab and .dynsym of `file`. `code` says where the module's code is: symbols elsewhere are
  /// dropped. Symbols without a size (written in assembler) are taken from .symtab only, up to the next
  /// symbol of their section.
  void add(const ElfFile& file, const ElfFile& code);
  /// Call once after the last add().
  void finish();

  /// A function symbol that covers `address`; null if none does. Of aliases the one a person would know:
  /// global before local, fewer leading underscores, shorter.
  [[nodiscard]] const char* find(std::uint64_t address) const;

  [[nodiscard]] std::size_t size() const { return symbols_.size(); }

 private:
  struct Symbol {
    std::uint64_t low;
    std::uint64_t high;
    std::uint32_t name;  ///< offset in names_
    std::uint8_t rank;   ///< smaller is better
  };

  void add_section(const ElfFile& file, Elf_Scn* section, bool allow_sizeless, const ElfFile& code);

  std::vector<Symbol> symbols_;
  std::vector<std::uint64_t> highest_end_;  ///< of symbols_[0..i]: where a backward walk may stop
  std::string names_;
};

}  // namespace leakgate::symbolize
