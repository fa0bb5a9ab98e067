// SPDX-License-Identifier: Apache-2.0
// ElfImage's private state, shared by elf_image.cpp (headers, bytes) and elf_symbols.cpp (symbols). Nobody
// else's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/base/elf_file.h"
#include "harness/base/elf_image.h"

namespace leakgate {

struct ElfImage::State {
  explicit State(ElfFile opened) : file(std::move(opened)) {}

  ElfFile file;
  std::string path;
  ElfOptions options;
  ElfType type = ElfType::shared;
  std::string interpreter;
  std::vector<std::string> needed;
  std::string soname, rpath, runpath, build_id;
  bool no_default_libraries = false;
  bool pie_flag = false;
  std::vector<LoadSegment> segments;

  // The separate debug file, looked for when a symbol is first asked for.
  bool debug_file_tried = false;
  std::optional<ElfFile> debug_file;

  /// The separate debug file of the same build id, or nullptr.
  const ElfFile* find_debug_file();
  /// Calls `visit(symbol, table)` for each defined symbol of each table that passes `wanted(entry)`, which
  /// sees the entry without its name: finding the name's end is what a pass over a large table costs.
  template <typename Wanted, typename Visit>
  void for_each_symbol(Wanted&& wanted, Visit&& visit) {
    const auto visit_table = [&](const RawSymbolTable& raw, SymbolTable table) {
      for (std::size_t i = 0; i < raw.symbols.size(); ++i) {
        if (!wanted(raw.symbols[i])) continue;
        if (const auto symbol = raw.at(i)) visit(*symbol, table);
      }
    };
    visit_table(file.symbols(SHT_DYNSYM), SymbolTable::dynsym);
    visit_table(file.symbols(SHT_SYMTAB), SymbolTable::symtab);
    if (const ElfFile* other = find_debug_file())
      visit_table(other->symbols(SHT_SYMTAB), SymbolTable::debug_file);
  }
};

}  // namespace leakgate
