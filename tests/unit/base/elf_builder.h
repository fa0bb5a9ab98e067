// SPDX-License-Identifier: Apache-2.0
// ElfBuilder: writes small x86-64 ELF files for tests: one loadable segment, a dynamic section, an
// interpreter.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace leakgate::testing {

class ElfBuilder {
 public:
  explicit ElfBuilder(std::uint16_t type = ET_DYN) : type_(type) { names_.push_back('\0'); }

  ElfBuilder& interpreter(const std::string& path) {
    interpreter_ = path;
    return *this;
  }
  /// A string entry: DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH.
  ElfBuilder& text(std::int64_t tag, const std::string& value) {
    entries_.push_back({tag, {names_.size()}});
    names_ += value;
    names_.push_back('\0');
    return *this;
  }
  ElfBuilder& number(std::int64_t tag, std::uint64_t value) {
    entries_.push_back({tag, {value}});
    return *this;
  }

  /// Header, program headers, interpreter, names, dynamic section; address = file offset + kBase.
  [[nodiscard]] std::string build() const {
    const std::size_t interpreter_at = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);
    const std::size_t names_at = interpreter_at + interpreter_.size() + 1;
    const std::size_t dynamic_at = (names_at + names_.size() + 7) / 8 * 8;
    std::vector<Elf64_Dyn> entries = entries_;
    entries.push_back({DT_STRTAB, {names_at + kBase}});
    entries.push_back({DT_STRSZ, {names_.size()}});
    entries.push_back({DT_NULL, {0}});
    const std::size_t dynamic_bytes = entries.size() * sizeof(Elf64_Dyn);
    std::string file(dynamic_at + dynamic_bytes, '\0');

    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = type_;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof header;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 3;
    header.e_shentsize = sizeof(Elf64_Shdr);
    put(file, 0, header);
    put(file, sizeof header, segment(PT_LOAD, 0, file.size()));
    put(file, sizeof header + sizeof(Elf64_Phdr), segment(PT_DYNAMIC, dynamic_at, dynamic_bytes));
    if (!interpreter_.empty())
      put(file, sizeof header + 2 * sizeof(Elf64_Phdr),
          segment(PT_INTERP, interpreter_at, interpreter_.size() + 1));
    file.replace(interpreter_at, interpreter_.size(), interpreter_);
    file.replace(names_at, names_.size(), names_);
    for (std::size_t i = 0; i < entries.size(); ++i)
      put(file, dynamic_at + i * sizeof(Elf64_Dyn), entries[i]);
    return file;
  }

  /// Writes it to `path`, making its directory.
  std::string write(const std::filesystem::path& path) const {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << build();
    return path.string();
  }

  static constexpr std::uint64_t kBase = 0x10000;

 private:
  static Elf64_Phdr segment(std::uint32_t type, std::uint64_t at, std::uint64_t bytes) {
    Elf64_Phdr header{};
    header.p_type = type;
    header.p_flags = PF_R | PF_X;
    header.p_offset = at;
    header.p_vaddr = at + kBase;
    header.p_filesz = bytes;
    header.p_memsz = bytes;
    header.p_align = 4096;
    return header;
  }
  template <typename T>
  static void put(std::string& file, std::size_t at, const T& value) {
    std::memcpy(file.data() + at, &value, sizeof value);
  }

  std::uint16_t type_;
  std::string interpreter_;
  std::string names_;
  std::vector<Elf64_Dyn> entries_;
};

}  // namespace leakgate::testing
