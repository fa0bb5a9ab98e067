// SPDX-License-Identifier: Apache-2.0
// ElfImage's private state, shared by elf_image.cpp (headers, bytes) and elf_symbols.cpp (symbols). Nobody
// else's.
#pragma once

#include <cstdint>
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

  /// A symbol table, and where it is from.
  struct Table {
    RawSymbolTable raw;
    SymbolTable from;
  };
  std::optional<std::vector<Table>> all_tables;
  /// Orders of all symbols of a known kind, each made when it is asked for: a file is asked for some dozens
  /// of names, seldom for an address, and may have a million symbols.
  struct ByName {
    std::uint32_t hash;
    std::uint32_t table;  ///< of tables()
    std::uint32_t index;
  };
  struct ByAddress {
    std::uint64_t vaddr;
    std::uint32_t table;
    std::uint32_t index;
  };
  /// Those whose hashes end in the same bits stand together, from the number on that `starts` has for these
  /// bits; of one name, in the order of the tables.
  struct NameIndex {
    std::vector<ByName> symbols;
    std::vector<std::uint32_t> starts;
  };
  std::optional<NameIndex> by_name;
  std::uint32_t searches_by_address = 0;
  std::optional<std::vector<ByAddress>> by_address;  ///< of functions, ifuncs and what has no type

  /// The separate debug file of the same build id, or nullptr.
  const ElfFile* find_debug_file();
  /// Calls `visit(symbol, table)` for each defined symbol of each table that passes `wanted(entry)`, which
  /// sees the entry without its name: finding the name's end is what a pass over a large table costs.
  template <typename Wanted, typename Visit>
  void for_each_symbol(Wanted&& wanted, Visit&& visit) {
    for (const Table& table : tables())
      for (std::size_t i = 0; i < table.raw.symbols.size(); ++i) {
        if (!wanted(table.raw.symbols[i])) continue;
        if (const auto symbol = table.raw.at(i)) visit(*symbol, table.from);
      }
  }
  /// All symbol tables, the dynamic one first.
  const std::vector<Table>& tables();
  /// Calls `visit(symbol, table)` for each defined symbol of this name that passes `wanted(entry)`.
  template <typename Wanted, typename Visit>
  void for_each_named(std::string_view name, Wanted&& wanted, Visit&& visit);
  /// The same for those from address `first` to `last`, of the kinds in `by_address`.
  template <typename Wanted, typename Visit>
  void for_each_between(std::uint64_t first, std::uint64_t last, Wanted&& wanted, Visit&& visit);
  void order_by_name();
  void order_by_address();
};

}  // namespace leakgate
