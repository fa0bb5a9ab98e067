// SPDX-License-Identifier: Apache-2.0
// Opening ELF files that may have been made to hurt; see elf_file.h.
#include "harness/symbolize/elf_file.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace leakgate::symbolize {
namespace {

constexpr std::size_t kMaxBuildIdBytes = 64;

/// Size of a section once decompressed, where it is compressed (SHF_COMPRESSED, or the older .zdebug_ form);
/// else 0.
std::uint64_t decompressed_size(Elf_Scn* section, const GElf_Shdr& header, std::string_view name) {
  if ((header.sh_flags & SHF_COMPRESSED) != 0) {
    GElf_Chdr compression;
    return gelf_getchdr(section, &compression) != nullptr ? compression.ch_size : 0;
  }
  if (!name.starts_with(".zdebug")) return 0;
  const Elf_Data* data = elf_rawdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr || data->d_size < 12) return 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 4; i < 12; ++i)
    bytes = (bytes << 8U) | static_cast<const unsigned char*>(data->d_buf)[i];
  return bytes;
}

std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xedb88320U : 0U);
    table[i] = value;
  }
  return table;
}

}  // namespace

std::string build_id_text(const void* bytes, std::size_t count) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto byte = static_cast<const unsigned char*>(bytes)[i];
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

Result<std::unique_ptr<ElfFile>> ElfFile::open(const std::string& path, const FileLimits& limits,
                                               const std::string& known_as) {
  // O_NONBLOCK: a FIFO in the place of a library must not stop us for ever.
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!descriptor) {
    const int code = errno;
    const ErrorKind kind = code == ENOENT || code == ENOTDIR ? ErrorKind::not_found
                           : code == EACCES || code == EPERM ? ErrorKind::permission
                                                             : ErrorKind::io;
    return system_error(kind, "cannot open " + path, code);
  }
  return adopt(std::move(descriptor), known_as.empty() ? path : known_as, limits);
}

Result<std::unique_ptr<ElfFile>> ElfFile::adopt(Descriptor descriptor, const std::string& path,
                                                const FileLimits& limits) {
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0)
    return system_error(ErrorKind::io, "cannot examine " + path, errno);
  if (!S_ISREG(status.st_mode)) return Error{ErrorKind::format, path + " is not a regular file", {}, 0};
  if (static_cast<std::uint64_t>(status.st_size) > limits.file_bytes) {
    return Error{ErrorKind::format, path + " is too large to be read for symbols", {}, 0};
  }
  if (elf_version(EV_CURRENT) == EV_NONE)
    return Error{ErrorKind::internal, "libelf is of another version", {}, 0};
  std::unique_ptr<ElfFile> file(new ElfFile);
  file->path_ = path;
  file->limits_ = limits;
  file->descriptor_ = std::move(descriptor);
  // Read, not mapped: a file that is cut short while we look at it (a rebuild) must not end us with SIGBUS.
  file->elf_.reset(elf_begin(file->descriptor_.get(), ELF_C_READ, nullptr));
  if (Status status_of_file = file->examine(limits); !status_of_file)
    return std::move(status_of_file).error();
  return file;
}

Result<std::unique_ptr<ElfFile>> ElfFile::from_memory(std::vector<char> image, const FileLimits& limits) {
  if (elf_version(EV_CURRENT) == EV_NONE)
    return Error{ErrorKind::internal, "libelf is of another version", {}, 0};
  std::unique_ptr<ElfFile> file(new ElfFile);
  file->path_ = "(memory)";
  file->image_ = std::move(image);
  file->elf_.reset(elf_memory(file->image_.data(), file->image_.size()));
  if (Status status = file->examine(limits); !status) return std::move(status).error();
  return file;
}

Status ElfFile::examine(const FileLimits& limits) {
  if (!elf_ || elf_kind(elf_.get()) != ELF_K_ELF)
    return Error{ErrorKind::format, path_ + " is not an ELF file", {}, 0};
  std::uint64_t decompressed = 0;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    std::size_t names = 0;
    const char* name = nullptr;
    if (elf_getshdrstrndx(elf_.get(), &names) == 0) name = elf_strptr(elf_.get(), names, header.sh_name);
    const std::uint64_t bytes = decompressed_size(section, header, name != nullptr ? name : "");
    if (bytes > limits.decompressed_bytes - decompressed) {
      return Error{ErrorKind::format, path_ + " has compressed sections too large to be read", {}, 0};
    }
    decompressed += bytes;
  }
  const void* id = nullptr;
  const ssize_t id_bytes = dwelf_elf_gnu_build_id(elf_.get(), &id);
  if (id_bytes > 0 && static_cast<std::size_t>(id_bytes) <= kMaxBuildIdBytes) {
    build_id_ = build_id_text(id, static_cast<std::size_t>(id_bytes));
  }
  read_code_ranges();
  return {};
}

void ElfFile::read_code_ranges() {
  std::size_t count = 0;
  if (elf_getphdrnum(elf_.get(), &count) == 0) {
    for (std::size_t i = 0; i < std::min<std::size_t>(count, 65536); ++i) {
      GElf_Phdr header;
      if (gelf_getphdr(elf_.get(), static_cast<int>(i), &header) == nullptr) break;
      if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
      if (header.p_vaddr + header.p_memsz > header.p_vaddr) {
        code_.push_back({header.p_vaddr, header.p_vaddr + header.p_memsz});
      }
    }
  }
  if (!code_.empty()) return;
  for (Elf_Scn* section = nullptr;
       (section = elf_nextscn(elf_.get(), section)) != nullptr && code_.size() < 65536;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || (header.sh_flags & SHF_EXECINSTR) == 0) continue;
    if (header.sh_addr + header.sh_size > header.sh_addr) {
      code_.push_back({header.sh_addr, header.sh_addr + header.sh_size});
    }
  }
}

bool ElfFile::is_code(std::uint64_t address) const {
  return std::any_of(code_.begin(), code_.end(),
                     [&](const AddressRange& range) { return range.contains(address); });
}

Elf_Scn* ElfFile::find_section(std::string_view wanted) const {
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf_.get(), &names) != 0) return nullptr;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type == SHT_NOBITS || header.sh_size == 0)
      continue;
    const char* name = elf_strptr(elf_.get(), names, header.sh_name);
    if (name != nullptr && wanted == name) return section;
  }
  return nullptr;
}

bool ElfFile::has_section(std::string_view name) const {
  return find_section(name) != nullptr;
}

std::optional<std::span<const char>> ElfFile::section_bytes(std::string_view name) const {
  Elf_Scn* section = find_section(name);
  if (section == nullptr) return std::nullopt;
  const Elf_Data* data = elf_rawdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return std::nullopt;
  return std::span<const char>(static_cast<const char*>(data->d_buf), data->d_size);
}

/// libelf reads each section when it is asked for, into memory that is touched for the first time; libdw asks
/// for nearly all of a file with debug information.
void ElfFile::read_at_once() {
  constexpr std::uint64_t kMostBytes = std::uint64_t{512} << 20U;
  if (!descriptor_ || !contents_.empty() || !has_section(".debug_info")) return;
  if (has_section(".debug_addr")) return;  // libdw looks for split files beside that of the descriptor
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0 || static_cast<std::uint64_t>(status.st_size) > kMostBytes)
    return;
  PageBuffer contents(static_cast<std::size_t>(status.st_size));
  for (std::size_t at = 0; at < contents.size();) {
    const ssize_t count =
        ::pread(descriptor_.get(), contents.data() + at, contents.size() - at, static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    at += static_cast<std::size_t>(count);
  }
  if (contents.empty()) return;
  // it may have been written to since it was examined
  ElfFile now;
  now.path_ = path_;
  now.elf_.reset(elf_memory(contents.data(), contents.size()));
  if (!now.examine(limits_) || now.build_id_ != build_id_) return;
  elf_ = std::move(now.elf_);
  contents_ = std::move(contents);
}

void ElfFile::prepare_for_dwarf(bool in_hurry) {
  read_at_once();
  for (auto& buffer : symbolize::decompress_debug_sections(elf_.get(), in_hurry))
    decompressed_.push_back(std::move(buffer));
}

std::optional<DebugLink> ElfFile::debug_link() const {
  GElf_Word crc = 0;
  const char* name = dwelf_elf_gnu_debuglink(elf_.get(), &crc);
  // A link is a file name; one with a directory in it would lead anywhere.
  if (name == nullptr || *name == '\0' || std::strchr(name, '/') != nullptr) return std::nullopt;
  return DebugLink{name, crc};
}

std::optional<std::uint32_t> ElfFile::crc() const {
  if (!descriptor_) return std::nullopt;
  static const std::array<std::uint32_t, 256> kTable = make_crc_table();
  std::vector<unsigned char> buffer(std::size_t{256} * 1024);
  std::uint32_t value = 0xffffffffU;
  for (off_t position = 0;;) {
    const ssize_t count = ::pread(descriptor_.get(), buffer.data(), buffer.size(), position);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) return ~value;
    for (ssize_t i = 0; i < count; ++i)
      value = kTable[(value ^ buffer[static_cast<std::size_t>(i)]) & 255U] ^ (value >> 8U);
    position += count;
  }
}

}  // namespace leakgate::symbolize
