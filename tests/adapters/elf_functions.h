// SPDX-License-Identifier: Apache-2.0
// The functions that one ELF file defines, by mangled name, for the marks checker: .symtab and .dynsym
// through libelf.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace leakgate::adapters_test {

struct ElfFunctions {
  std::unordered_map<std::string, std::uint64_t> by_name;
  std::uint64_t first_load_vaddr = 0;  ///< of the segment that is mapped first, rounded down to its page
};

/// Nothing if `path` is not a readable ELF file.
std::optional<ElfFunctions> read_elf_functions(const std::string& path);

}  // namespace leakgate::adapters_test
