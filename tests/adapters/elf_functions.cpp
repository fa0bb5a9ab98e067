// SPDX-License-Identifier: Apache-2.0
// Reading symbol tables with libelf.
#include "tests/adapters/elf_functions.h"

#include <fcntl.h>
#include <gelf.h>

#include "harness/base/descriptor.h"

namespace leakgate::adapters_test {
namespace {

void read_table(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, ElfFunctions& out) {
  Elf_Data* data = elf_getdata(section, nullptr);
  if (!data || header.sh_entsize == 0) return;
  for (std::size_t i = 0; i < header.sh_size / header.sh_entsize; ++i) {
    GElf_Sym symbol;
    if (!gelf_getsym(data, static_cast<int>(i), &symbol)) continue;
    if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
    const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
    if (name && *name) out.by_name.emplace(name, symbol.st_value);
  }
}

}  // namespace

std::optional<ElfFunctions> read_elf_functions(const std::string& path) {
  elf_version(EV_CURRENT);
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  Elf* elf = elf_begin(file.get(), ELF_C_READ, nullptr);
  if (!elf || elf_kind(elf) != ELF_K_ELF) {
    elf_end(elf);
    return std::nullopt;
  }
  ElfFunctions out;
  std::size_t headers = 0;
  elf_getphdrnum(elf, &headers);
  for (std::size_t i = 0; i < headers; ++i) {
    GElf_Phdr segment;
    if (!gelf_getphdr(elf, static_cast<int>(i), &segment) || segment.p_type != PT_LOAD) continue;
    out.first_load_vaddr = segment.p_vaddr & ~std::uint64_t{4095};
    break;
  }
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section; section = elf_nextscn(elf, section)) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header)) continue;
    if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM) read_table(elf, section, header, out);
  }
  elf_end(elf);
  return out;
}

}  // namespace leakgate::adapters_test
