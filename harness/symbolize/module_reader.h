// SPDX-License-Identifier: Apache-2.0
// One module file and what has been read of it: the file, its separate debug file, symbols, DWARF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "harness/symbolize/debug_file.h"
#include "harness/symbolize/dwarf_module.h"
#include "harness/symbolize/elf_file.h"
#include "harness/symbolize/module_file.h"
#include "harness/symbolize/source_path.h"
#include "harness/symbolize/symbol_table.h"

namespace leakgate::symbolize {

class FrameCache;

/// How to symbolize.
struct SymbolizerOptions {
  PathOptions paths;
  DebugFileOptions debug_files;
  FileLimits file_limits;
  DwarfLimits dwarf_limits;
  /// Read DWARF at all (false: symbol tables only).
  bool use_dwarf = true;
  /// Take a second thread where that is quicker: nobody else needs the processors.
  bool in_hurry = true;
  /// What may be kept per process for lookups to come; beyond it the least recently used module is read again
  /// when needed.
  std::size_t max_cache_bytes = std::size_t{512} << 20U;
  /// What is kept between runs; may be null.
  std::shared_ptr<FrameCache> frames{};
};

/// A module and what has been read of it. Not thread-safe, but of two modules each may be read by a thread.
struct ReadModule {
  ModuleFile info;
  std::string note;           ///< why it could not be (wholly) read; empty: nothing to say
  bool loaded = false;        ///< files and symbols
  bool dwarf_loaded = false;  ///< can be dropped and loaded again
  bool has_symtab = false;
  bool is_named_by_one_file = false;    ///< all lines and inlined calls stand in named_by()
  std::vector<std::uint64_t> expected;  ///< addresses that were looked up ahead, or would have been
  std::uint64_t last_use = 0;
  std::unique_ptr<ElfFile> file;  ///< null: could not be opened
  std::unique_ptr<ElfFile> debug_file;
  SymbolTable symbols;
  std::unique_ptr<DwarfModule> dwarf;  // after the files: ends before they go

  /// Opens the files and reads their symbols, the first time it is called.
  void load(const SymbolizerOptions& options);
  /// The separate debug file that names it; empty: it names itself.
  [[nodiscard]] std::string named_by() const;
  /// Opens the DWARF where there is any, which decompresses it; after load(). Again after it was dropped.
  void load_dwarf(const SymbolizerOptions& options);

 private:
  std::unique_ptr<ElfFile> open_file(const FileLimits& limits);
  void load_symbols(const SymbolizerOptions& options);
};

}  // namespace leakgate::symbolize
