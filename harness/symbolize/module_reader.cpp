// SPDX-License-Identifier: Apache-2.0
// Which files of a module to read, in which order to believe them.
#include "harness/symbolize/module_reader.h"

#include <utility>

#include "harness/symbolize/mini_debug.h"

namespace leakgate::symbolize {

std::unique_ptr<ElfFile> ReadModule::open_file(const FileLimits& limits) {
  // a descriptor's name says nothing of what stands beside the file: debug links, packages of split lines
  const bool by_descriptor = info.open_path.starts_with("/proc/self/fd/");
  auto opened = ElfFile::open(info.to_open(), limits, by_descriptor ? info.path : std::string());
  // /proc/PID/root goes with its process. The path itself may be another file here, so only a build id can
  // vouch for it.
  if (!opened && !info.open_path.empty() && info.open_path != info.path && !info.build_id.empty()) {
    auto second = ElfFile::open(info.path, limits);
    if (second && (*second)->build_id() == info.build_id) return std::move(second).value();
  }
  if (!opened) {
    note = "no symbols: " + std::move(opened).error().message;
    return nullptr;
  }
  if (!info.build_id.empty() && (*opened)->build_id() != info.build_id) {
    note = "no symbols: " + info.path + " was changed since it was loaded (build id " +
           ((*opened)->build_id().empty() ? "none" : (*opened)->build_id()) + ", was " + info.build_id + ")";
    return nullptr;
  }
  return std::move(opened).value();
}

void ReadModule::load(const SymbolizerOptions& options) {
  if (loaded) return;
  loaded = true;
  file = open_file(options.file_limits);
  if (file) load_symbols(options);
}

void ReadModule::load_symbols(const SymbolizerOptions& options) {
  const bool own_symtab = file->has_section(".symtab");
  const bool own_dwarf = file->has_section(".debug_info") || file->has_section(".zdebug_info");
  if (!own_symtab || !own_dwarf)
    debug_file = find_debug_file(*file, info.path, options.debug_files, options.file_limits);
  has_symtab = own_symtab || (debug_file && debug_file->has_section(".symtab"));
  symbols.add(*file, *file);
  if (debug_file && !own_symtab) symbols.add(*debug_file, *file);
  if (!has_symtab) {
    if (const auto mini = open_mini_debug(*file, options.file_limits)) {
      symbols.add(*mini, *file);
      has_symtab = mini->has_section(".symtab");
    }
  }
  symbols.finish();
}

void ReadModule::load_dwarf(const SymbolizerOptions& options) {
  dwarf_loaded = true;
  is_named_by_one_file = false;
  if (!options.use_dwarf) return;
  for (ElfFile* source : {file.get(), debug_file.get()}) {
    if (source == nullptr || dwarf) continue;
    source->prepare_for_dwarf(options.in_hurry);
    dwarf = DwarfModule::open(*source, *file, options.debug_files, options.file_limits, options.dwarf_limits);
    if (!dwarf && note.empty() && source->has_section(".debug_info"))
      note = "no source lines for " + info.path +
             ": its debug information is damaged, or a file that it refers to is missing";
    // beside its own debug information a second file may have no more than symbols, but have them it may
    is_named_by_one_file =
        dwarf && (source == debug_file.get() || !debug_file) && !dwarf->needs_further_files();
  }
}

std::string ReadModule::named_by() const {
  return debug_file ? debug_file->path() : std::string();
}

}  // namespace leakgate::symbolize
