// SPDX-License-Identifier: Apache-2.0
// Small ELF files and CFI made in memory, for tests of the row builder and for its fuzz target.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

namespace leakgate::unwind_test {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint64_t kCodeAddress =
    0x1000;  ///< where ElfSpec's code is, when code_address is not set
inline constexpr std::uint64_t kCodeMemory = 0x100000;  ///< its segment's size in memory
inline constexpr std::uint64_t kDataAddress = 0x400000;

template <typename T>
void append(Bytes& bytes, T value) {
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof value);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
inline void append_all(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}
inline void append_uleb(Bytes& bytes, std::uint64_t value) {
  do {
    bytes.push_back(static_cast<std::uint8_t>((value & 0x7f) | (value > 0x7f ? 0x80 : 0)));
    value >>= 7;
  } while (value != 0);
}

/// CFI entries, one after the other. Addresses are 8 bytes, absolute, so that the section may lie anywhere.
class CfiWriter {
 public:
  explicit CfiWriter(bool eh_frame = true) : eh_(eh_frame) {}

  /// A CIE with augmentation `text` ("" or starting with z; R is given as absptr) and these instructions
  /// after the usual "CFA = rsp + 8, return address at CFA - 8".
  CfiWriter& common(const std::string& text = "zR", const Bytes& more = {}) {
    common_at_ = bytes_.size();
    sized_ = !text.empty();
    Bytes body;
    append<std::uint32_t>(body, eh_ ? 0 : 0xffffffffU);
    body.push_back(1);
    body.insert(body.end(), text.begin(), text.end());
    append_all(body,
               {0, 1, 0x78, 16});  // end of text, code alignment 1, data alignment -8, return address column
    if (sized_) {
      const auto has_encoding = static_cast<std::uint8_t>(text.find('R') != std::string::npos);
      body.push_back(has_encoding);
      if (has_encoding != 0) body.push_back(0);
    }
    append_all(body, {0x0c, 7, 8, 0x90, 1});
    append_all(body, more);
    return entry(body);
  }

  /// An FDE of the last CIE.
  CfiWriter& range(std::uint64_t start, std::uint64_t size_bytes, const Bytes& instructions = {}) {
    Bytes body;
    const std::uint64_t id_at = bytes_.size() + 4;
    append(body, static_cast<std::uint32_t>(eh_ ? id_at - common_at_ : common_at_));
    append(body, start);
    append(body, size_bytes);
    if (sized_) body.push_back(0);
    append_all(body, instructions);
    return entry(body);
  }

  [[nodiscard]] Bytes bytes() const {
    Bytes all = bytes_;
    append<std::uint32_t>(all, 0);
    return all;
  }

 private:
  CfiWriter& entry(const Bytes& body) {
    append(bytes_, static_cast<std::uint32_t>(body.size()));
    append_all(bytes_, body);
    return *this;
  }

  bool eh_;
  bool sized_ = false;
  std::uint64_t common_at_ = 0;
  Bytes bytes_;
};

/// What an ELF file is made of; empty members are left out.
struct ElfSpec {
  Bytes eh_frame;
  Bytes debug_frame;
  Bytes code;  ///< at code_address
  Bytes build_id;
  std::uint64_t plt_size = 0;  ///< bytes at code_address named .plt
  std::uint64_t code_address = kCodeAddress;
  std::uint64_t entry = 0;
  bool sections = true;
};

namespace elf_detail {
inline Elf64_Phdr program_header(std::uint32_t type, std::uint32_t flags, std::uint64_t offset,
                                 std::uint64_t address, std::uint64_t file_bytes,
                                 std::uint64_t memory_bytes) {
  return {type, flags, offset, address, address, file_bytes, memory_bytes, 8};
}
inline Elf64_Shdr section_header(std::uint32_t name, std::uint64_t flags, std::uint64_t address,
                                 std::uint64_t offset, std::uint64_t size_bytes) {
  return {name, SHT_PROGBITS, flags, address, offset, size_bytes, 0, 0, 8, 0};
}
}  // namespace elf_detail

/// A shared object of `spec`: one executable segment for the code, one readable for the rest.
inline Bytes make_elf(const ElfSpec& spec) {
  using elf_detail::program_header;
  using elf_detail::section_header;
  const std::string names("\0.eh_frame\0.debug_frame\0.plt\0.shstrtab\0", 40);
  constexpr std::uint64_t header_bytes = sizeof(Elf64_Ehdr) + 4 * sizeof(Elf64_Phdr);
  Bytes file(header_bytes);
  const auto place = [&](const Bytes& bytes) {
    file.resize((file.size() + 7) & ~std::size_t{7});
    const std::uint64_t at = file.size();
    append_all(file, bytes);
    return at;
  };
  const std::uint64_t code_at = place(spec.code);
  const std::uint64_t frame_at = place(spec.eh_frame);
  Bytes table = {1, 0x04, 0xff,
                 0xff};  // .eh_frame_hdr: version, start as 8 bytes absolute, no count, no table
  append<std::uint64_t>(table, kDataAddress + frame_at);
  const std::uint64_t table_at = place(spec.eh_frame.empty() ? Bytes{} : table);
  Bytes note;
  append<std::uint32_t>(note, 4);
  append(note, static_cast<std::uint32_t>(spec.build_id.size()));
  append<std::uint32_t>(note, NT_GNU_BUILD_ID);
  append_all(note, {'G', 'N', 'U', 0});
  append_all(note, spec.build_id);
  const std::uint64_t note_at = place(spec.build_id.empty() ? Bytes{} : note);
  const std::uint64_t loaded_bytes = file.size();
  const std::uint64_t debug_at = place(spec.debug_frame);

  std::vector<Elf64_Phdr> segments;
  segments.push_back(
      program_header(PT_LOAD, PF_R | PF_X, code_at, spec.code_address, spec.code.size(), kCodeMemory));
  segments.push_back(program_header(PT_LOAD, PF_R, 0, kDataAddress, loaded_bytes, loaded_bytes));
  if (!spec.eh_frame.empty()) {
    segments.push_back(program_header(PT_GNU_EH_FRAME, PF_R, table_at, kDataAddress + table_at, 12, 12));
  }
  if (!spec.build_id.empty()) {
    segments.push_back(
        program_header(PT_NOTE, PF_R, note_at, kDataAddress + note_at, note.size(), note.size()));
  }

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_entry = spec.entry;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<Elf64_Half>(segments.size());
  if (spec.sections) {
    const std::uint64_t names_at = place(Bytes(names.begin(), names.end()));
    std::vector<Elf64_Shdr> sections(1);
    if (!spec.eh_frame.empty()) {
      sections.push_back(
          section_header(1, SHF_ALLOC, kDataAddress + frame_at, frame_at, spec.eh_frame.size()));
    }
    if (!spec.debug_frame.empty())
      sections.push_back(section_header(11, 0, 0, debug_at, spec.debug_frame.size()));
    if (spec.plt_size != 0) {
      sections.push_back(
          section_header(24, SHF_ALLOC | SHF_EXECINSTR, spec.code_address, code_at, spec.plt_size));
    }
    sections.push_back(section_header(29, 0, 0, names_at, names.size()));
    sections.back().sh_type = SHT_STRTAB;
    Bytes table_bytes(sections.size() * sizeof(Elf64_Shdr));
    std::memcpy(table_bytes.data(), sections.data(), table_bytes.size());
    header.e_shoff = place(table_bytes);
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = static_cast<Elf64_Half>(sections.size());
    header.e_shstrndx = static_cast<Elf64_Half>(sections.size() - 1);
  }
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, segments.data(), segments.size() * sizeof(Elf64_Phdr));
  return file;
}

}  // namespace leakgate::unwind_test
