// SPDX-License-Identifier: Apache-2.0
// The kernel's own clock_gettime in the process: the C library's is one call more for each allocation and
// each free.
#include <elf.h>

#include "adapters/preload/process.h"

namespace leakgate::preload {
namespace {

bool is_equal(const char* a, const char* b) {
  while (*a && *a == *b)
    ++a, ++b;
  return *a == *b;
}

/// What the dynamic section of the image at `base` says about its symbols.
struct Symbols {
  const Elf64_Sym* table;
  const char* names;
  u32 count;
};

Symbols find_symbols(u64 base) {
  const auto& head = *reinterpret_cast<const Elf64_Ehdr*>(base);
  const auto* const parts = reinterpret_cast<const Elf64_Phdr*>(base + head.e_phoff);
  const Elf64_Dyn* dynamic = nullptr;
  u64 bias = 0;
  for (u32 i = 0; i < head.e_phnum; ++i) {
    if (parts[i].p_type == PT_LOAD && !bias) bias = base + parts[i].p_offset - parts[i].p_vaddr;
    if (parts[i].p_type == PT_DYNAMIC) dynamic = reinterpret_cast<const Elf64_Dyn*>(base + parts[i].p_offset);
  }
  Symbols symbols{};
  for (; dynamic && dynamic->d_tag != DT_NULL; ++dynamic) {
    const u64 at = bias + dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_SYMTAB) symbols.table = reinterpret_cast<const Elf64_Sym*>(at);
    if (dynamic->d_tag == DT_STRTAB) symbols.names = reinterpret_cast<const char*>(at);
    if (dynamic->d_tag == DT_HASH) symbols.count = reinterpret_cast<const u32*>(at)[1];
  }
  return symbols;
}

}  // namespace

u64 find_vdso_clock(u64 base) {
  if (!base) return 0;
  const Symbols symbols = find_symbols(base);
  if (!symbols.table || !symbols.names) return 0;
  for (u32 i = 0; i < symbols.count; ++i)
    if (is_equal(symbols.names + symbols.table[i].st_name, "__vdso_clock_gettime"))
      return base + symbols.table[i].st_value;
  return 0;
}

}  // namespace leakgate::preload
