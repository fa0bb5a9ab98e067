// SPDX-License-Identifier: Apache-2.0
// Opens and checks an ELF file and reads its tables. libelf does the parsing; what libelf takes on trust
// (sizes of sections, names, notes) is checked here against the size of the file. Bytes are read, never
// mapped: a file that shrinks while it is looked at must not kill us.
#include "harness/base/elf_file.h"

#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace leakgate {
namespace {

constexpr std::uint64_t kMaxTableBytes = 1ull << 30;  // no symbol table that is anybody's comes near
constexpr std::uint64_t kMaxNoteBytes = 1u << 16;
constexpr std::size_t kMaxNameBytes = 1u << 16;
constexpr std::size_t kMaxProgramHeaders = 4096;
constexpr std::size_t kMaxBuildIdBytes = 64;

Error unsupported(const std::string& name, std::string_view why) {
  return Error{ErrorKind::unsupported, "'" + name + "' " + std::string(why),
               "leakgate traces 64-bit x86-64 programs and libraries", 0};
}

/// Checks the identification bytes before libelf sees the file, so that each refusal has a sentence of its
/// own.
Status check_identity(int fd, const std::string& name) {
  std::array<unsigned char, sizeof(Elf64_Ehdr)> bytes{};
  const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), 0);
  if (got < 0) return system_error(ErrorKind::io, "reading '" + name + "'", errno);
  if (got < SELFMAG || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0)
    return unsupported(name, "is not an ELF file");
  if (got > EI_CLASS && bytes[EI_CLASS] == ELFCLASS32) return unsupported(name, "is a 32-bit ELF file");
  if (static_cast<std::size_t>(got) < bytes.size())
    return Error{ErrorKind::format, "'" + name + "' ends inside its ELF header", {}, 0};
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (bytes[EI_CLASS] != ELFCLASS64) return unsupported(name, "has an unknown ELF class");
  if (bytes[EI_DATA] != ELFDATA2LSB) return unsupported(name, "is a big-endian ELF file");
  if (header.e_machine != EM_X86_64)
    return unsupported(
        name, "is built for another processor (ELF machine " + std::to_string(header.e_machine) + ")");
  if (header.e_type == ET_REL) return unsupported(name, "is an unlinked object file");
  if (header.e_type == ET_CORE) return unsupported(name, "is a core dump");
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
    return unsupported(name, "is neither a program nor a shared library");
  return {};
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

Result<Descriptor> open_regular_file(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    const int code = errno;
    const ErrorKind kind = code == ENOENT || code == ENOTDIR ? ErrorKind::not_found
                           : code == EACCES || code == EPERM ? ErrorKind::permission
                                                             : ErrorKind::io;
    return system_error(kind, "opening '" + path + "'", code);
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(ErrorKind::io, "reading '" + path + "'", errno);
  if (!S_ISREG(info.st_mode))
    return Error{ErrorKind::unsupported, "'" + path + "' is not a regular file", {}, 0};
  return fd;
}

std::optional<RawSymbol> RawSymbolTable::at(std::size_t index) const {
  if (index >= symbols.size()) return std::nullopt;
  const Elf64_Sym& entry = symbols[index];
  if (entry.st_shndx == SHN_UNDEF || entry.st_shndx == SHN_ABS || entry.st_name == 0) return std::nullopt;
  if (entry.st_name >= names.size()) return std::nullopt;
  std::string_view name = names.substr(entry.st_name, kMaxNameBytes);
  const std::size_t end = name.find('\0');
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  name = name.substr(0, end);
  RawSymbol symbol{name, entry.st_value, entry.st_size, type_of(entry), bind_of(entry), true};
  // In .symtab a versioned symbol's name carries the version: name@@DEFAULT or name@OLD.
  if (const std::size_t at = name.find('@', 1); at != std::string_view::npos) {
    symbol.name = name.substr(0, at);
    symbol.default_version = name.substr(at).starts_with("@@");
  }
  if (index < versions.size() && (versions[index] & 0x8000u) != 0) symbol.default_version = false;
  return symbol;
}

Result<ElfFile> ElfFile::from_fd(Descriptor fd, const std::string& name) {
  ElfFile file;
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(ErrorKind::io, "reading '" + name + "'", errno);
  if (!S_ISREG(info.st_mode))
    return Error{ErrorKind::unsupported, "'" + name + "' is not a regular file", {}, 0};
  file.size_bytes_ = static_cast<std::uint64_t>(info.st_size);
  if (auto checked = check_identity(fd.get(), name); !checked) return std::move(checked).error();

  elf_version(EV_CURRENT);
  file.elf_.reset(elf_begin(fd.get(), ELF_C_READ, nullptr));
  file.fd_ = std::move(fd);
  const auto broken = [&] {
    const char* why = elf_errmsg(-1);
    return Error{
        ErrorKind::format, "'" + name + "' has broken ELF headers: " + (why ? why : "unknown"), {}, 0};
  };
  if (!file.elf_ || elf_kind(file.elf_.get()) != ELF_K_ELF) return broken();
  GElf_Ehdr header;
  if (!gelf_getehdr(file.elf_.get(), &header)) return broken();
  file.header_ = header;
  std::size_t count = 0;
  if (elf_getphdrnum(file.elf_.get(), &count) != 0) return broken();
  for (std::size_t i = 0; i < std::min(count, kMaxProgramHeaders); ++i) {
    GElf_Phdr segment;
    if (!gelf_getphdr(file.elf_.get(), static_cast<int>(i), &segment)) return broken();
    file.program_headers_.push_back(segment);
  }
  return file;
}

std::optional<std::vector<std::uint8_t>> ElfFile::read(std::uint64_t offset, std::uint64_t count) const {
  if (offset > size_bytes_ || count > size_bytes_ - offset || count > kMaxTableBytes) return std::nullopt;
  std::vector<std::uint8_t> bytes(count);
  std::uint64_t done = 0;
  while (done < count) {
    const ssize_t got =
        ::pread(fd_.get(), bytes.data() + done, count - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;  // shrunk under us
    done += static_cast<std::uint64_t>(got);
  }
  return bytes;
}

Elf_Data* ElfFile::contents(Elf_Scn* section, Elf_Type type) const {
  GElf_Shdr header;
  if (!section || !gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS) return nullptr;
  if (header.sh_offset > size_bytes_ || header.sh_size > size_bytes_ - header.sh_offset) return nullptr;
  if (header.sh_size == 0 || header.sh_size > kMaxTableBytes) return nullptr;
  Elf_Data* data = elf_getdata(section, nullptr);
  if (!data || !data->d_buf || data->d_type != type) return nullptr;
  return data;
}

RawSymbolTable ElfFile::symbols(std::uint32_t type) const {
  RawSymbolTable table;
  Elf_Scn* found = nullptr;
  std::uint32_t names_index = 0;
  for (Elf_Scn* section = nullptr; !found && (section = elf_nextscn(elf_.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header) || header.sh_type != type) continue;
    found = section;
    names_index = header.sh_link;
  }
  Elf_Data* symbols = contents(found, ELF_T_SYM);
  Elf_Data* names = contents(elf_getscn(elf_.get(), names_index), ELF_T_BYTE);
  if (!symbols || !names) return table;
  table.symbols = {static_cast<const Elf64_Sym*>(symbols->d_buf), symbols->d_size / sizeof(Elf64_Sym)};
  table.names = {static_cast<const char*>(names->d_buf), names->d_size};
  if (type != SHT_DYNSYM) return table;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header) || header.sh_type != SHT_GNU_versym) continue;
    if (Elf_Data* versions = contents(section, ELF_T_HALF))
      table.versions = {static_cast<const Elf64_Half*>(versions->d_buf),
                        versions->d_size / sizeof(Elf64_Half)};
    break;
  }
  return table;
}

bool ElfFile::has_section(std::string_view name) const {
  std::size_t names_index = 0;
  if (elf_getshdrstrndx(elf_.get(), &names_index) != 0) return false;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header)) continue;
    const char* text = elf_strptr(elf_.get(), names_index, header.sh_name);
    if (text && name == text) return true;
  }
  return false;
}

std::optional<std::string> ElfFile::build_id_in(std::uint64_t offset, std::uint64_t count,
                                                std::uint64_t align) const {
  const auto notes = read(offset, std::min(count, kMaxNoteBytes));
  if (!notes) return std::nullopt;
  const std::size_t unit = align == 8 ? 8 : 4;
  const auto padded = [unit](std::size_t bytes) { return (bytes + unit - 1) / unit * unit; };
  std::size_t at = 0;
  while (notes->size() - at >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note;
    std::memcpy(&note, notes->data() + at, sizeof note);
    const std::size_t name_at = at + sizeof note;
    const std::size_t text_at = name_at + padded(note.n_namesz);
    if (text_at > notes->size() || note.n_descsz > notes->size() - text_at) return std::nullopt;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        std::memcmp(notes->data() + name_at, "GNU", 4) == 0 && note.n_descsz > 0 &&
        note.n_descsz <= kMaxBuildIdBytes)
      return to_hex({notes->data() + text_at, note.n_descsz});
    at = text_at + padded(note.n_descsz);
    if (at > notes->size()) return std::nullopt;
  }
  return std::nullopt;
}

std::string ElfFile::build_id() const {
  // Sections first: in a separate debug file the program headers still describe the file it was split from.
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header) || header.sh_type != SHT_NOTE) continue;
    if (auto id = build_id_in(header.sh_offset, header.sh_size, header.sh_addralign)) return *id;
  }
  for (const Elf64_Phdr& segment : program_headers_) {
    if (segment.p_type != PT_NOTE) continue;
    if (auto id = build_id_in(segment.p_offset, segment.p_filesz, segment.p_align)) return *id;
  }
  return {};
}

}  // namespace leakgate
