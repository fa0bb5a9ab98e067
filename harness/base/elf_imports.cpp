// SPDX-License-Identifier: Apache-2.0
// ElfImage: which slots of the file the dynamic linker fills with the address of which function, from the
// relocations that the dynamic section names.
#include <algorithm>
#include <cstring>

#include "harness/base/elf_image.h"
#include "harness/base/elf_image_state.h"

namespace leakgate {
namespace {

constexpr std::size_t kMaxDynamicEntries = 1u << 16;
constexpr std::uint64_t kMaxRelocations = 1u << 20;
constexpr std::size_t kMaxNameBytes = 4096;

struct DynamicTables {
  std::uint64_t names = 0, names_bytes = 0, symbols = 0;
  std::uint64_t relocations = 0, relocations_bytes = 0;
  std::uint64_t plt_relocations = 0, plt_relocations_bytes = 0;
};

DynamicTables dynamic_tables(const ElfFile& file) {
  DynamicTables tables;
  for (const Elf64_Phdr& header : file.program_headers()) {
    if (header.p_type != PT_DYNAMIC) continue;
    const std::size_t count =
        std::min<std::uint64_t>(header.p_filesz / sizeof(Elf64_Dyn), kMaxDynamicEntries);
    const auto bytes = file.read(header.p_offset, count * sizeof(Elf64_Dyn));
    for (std::size_t i = 0; bytes && i < count; ++i) {
      Elf64_Dyn entry;
      std::memcpy(&entry, bytes->data() + i * sizeof entry, sizeof entry);
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_STRTAB) tables.names = entry.d_un.d_ptr;
      if (entry.d_tag == DT_STRSZ) tables.names_bytes = entry.d_un.d_val;
      if (entry.d_tag == DT_SYMTAB) tables.symbols = entry.d_un.d_ptr;
      if (entry.d_tag == DT_RELA) tables.relocations = entry.d_un.d_ptr;
      if (entry.d_tag == DT_RELASZ) tables.relocations_bytes = entry.d_un.d_val;
      if (entry.d_tag == DT_JMPREL) tables.plt_relocations = entry.d_un.d_ptr;
      if (entry.d_tag == DT_PLTRELSZ) tables.plt_relocations_bytes = entry.d_un.d_val;
    }
    break;
  }
  return tables;
}

bool names_a_function(std::uint64_t info) {
  const auto type = ELF64_R_TYPE(info);
  return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
}

/// The name of symbol `index` of the dynamic symbol table; empty where it has none.
std::string symbol_name(const ElfImage& image, const DynamicTables& tables, std::uint64_t index) {
  const auto bytes = image.read_data(tables.symbols + index * sizeof(Elf64_Sym), sizeof(Elf64_Sym));
  if (!bytes) return {};
  Elf64_Sym symbol;
  std::memcpy(&symbol, bytes->data(), sizeof symbol);
  if (symbol.st_name >= tables.names_bytes) return {};
  const auto limit = std::min<std::uint64_t>(kMaxNameBytes, tables.names_bytes - symbol.st_name);
  const auto text = image.read_data(tables.names + symbol.st_name, limit);
  if (!text) return {};
  const auto end = std::find(text->begin(), text->end(), std::uint8_t{0});
  return end == text->end() ? std::string() : std::string(text->begin(), end);
}

}  // namespace

std::map<std::uint64_t, std::string> ElfImage::import_slots() const {
  std::map<std::uint64_t, std::string> slots;
  const DynamicTables tables = dynamic_tables(state_->file);
  for (const auto& [vaddr, bytes] : {std::pair{tables.relocations, tables.relocations_bytes},
                                     std::pair{tables.plt_relocations, tables.plt_relocations_bytes}}) {
    const std::uint64_t count = std::min(bytes / sizeof(Elf64_Rela), kMaxRelocations);
    if (count == 0) continue;
    const auto table = read_data(vaddr, count * sizeof(Elf64_Rela));
    if (!table) continue;
    for (std::uint64_t i = 0; i < count; ++i) {
      Elf64_Rela relocation;
      std::memcpy(&relocation, table->data() + i * sizeof relocation, sizeof relocation);
      if (!names_a_function(relocation.r_info)) continue;
      if (std::string name = symbol_name(*this, tables, ELF64_R_SYM(relocation.r_info)); !name.empty())
        slots.emplace(relocation.r_offset, std::move(name));
    }
  }
  return slots;
}

}  // namespace leakgate
