// SPDX-License-Identifier: Apache-2.0
// UnwindImage over libelf. The file is read, never mapped: a file that shrinks under us gives an error and
// not a SIGBUS.
#include "harness/capture/unwind/unwind_image.h"

#include <dwarf.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "harness/base/hash64.h"
#include "harness/capture/unwind/unwind_x86_64.h"

namespace leakgate::capture {
namespace {

constexpr std::uint64_t kMaxFrameSection = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxDebugFrame = std::uint64_t{256} << 20;
constexpr std::uint64_t kMaxBuildId = 64;
constexpr std::uint64_t kMaxNotes = 1U << 16;
constexpr std::size_t kMaxSegments = 4096;
/// Of the CFI, this much from either end goes into the identity: reading it all would cost more than the
/// cache saves.
constexpr std::uint64_t kHashedEnd = 32U << 10;
constexpr std::uint64_t kAddressSpan = std::uint64_t{1} << 32;

Error format_error(std::string_view what) {
  return Error{ErrorKind::format, "cannot read ELF file: " + std::string(what), {}, 0};
}

std::string elf_message() {
  const char* text = elf_errmsg(-1);
  return text != nullptr ? text : "unknown error";
}

}  // namespace

void UnwindImage::ElfCloser::operator()(Elf* elf) const {
  elf_end(elf);
}

Result<UnwindImage> UnwindImage::open(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return system_error(ErrorKind::io, "cannot examine ELF file", errno);
  if (!S_ISREG(status.st_mode)) return format_error("not a regular file");
  elf_version(EV_CURRENT);
  return from(elf_begin(fd, ELF_C_READ, nullptr), static_cast<std::uint64_t>(status.st_size));
}

Result<UnwindImage> UnwindImage::open(std::span<const std::uint8_t> bytes) {
  elf_version(EV_CURRENT);
  // libelf takes char* but does not write to an image opened this way.
  auto* data = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
  return from(elf_memory(data, bytes.size()), bytes.size());
}

Result<UnwindImage> UnwindImage::from(Elf* elf, std::uint64_t file_bytes) {
  UnwindImage image;
  image.elf_.reset(elf);
  if (elf == nullptr) return format_error(elf_message());
  GElf_Ehdr header;
  if (elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == nullptr)
    return format_error("not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != x86_64::kElfMachine || header.e_type == ET_REL) {
    return Error{
        ErrorKind::unsupported, "cannot unwind through this ELF file: not a 64-bit x86-64 module", {}, 0};
  }
  image.entry_ = header.e_entry;
  if (auto status = image.read_segments(); !status) return std::move(status).error();
  image.read_sections();
  image.hash_content(file_bytes);
  return image;
}

Status UnwindImage::read_segments() {
  std::size_t count = 0;
  if (elf_getphdrnum(elf_.get(), &count) != 0) return format_error(elf_message());
  std::uint64_t lowest = ~std::uint64_t{0};
  std::uint64_t highest = 0;
  for (std::size_t i = 0; i < std::min(count, kMaxSegments); ++i) {
    GElf_Phdr header;
    if (gelf_getphdr(elf_.get(), static_cast<int>(i), &header) == nullptr) continue;
    if (header.p_type == PT_GNU_EH_FRAME) eh_frame_hdr_ = header.p_vaddr;
    if (header.p_type == PT_NOTE) read_build_id(header.p_offset, header.p_filesz);
    if (header.p_type != PT_LOAD) continue;
    std::uint64_t end = 0;
    if (__builtin_add_overflow(header.p_vaddr, header.p_memsz, &end))
      return format_error("segment wraps around");
    lowest = std::min<std::uint64_t>(lowest, header.p_vaddr);
    highest = std::max(highest, end);
    segments_.push_back({header.p_vaddr, header.p_offset, std::min(header.p_filesz, header.p_memsz)});
    if ((header.p_flags & PF_X) != 0 && end > header.p_vaddr) executable_.push_back({header.p_vaddr, end});
  }
  if (highest >= kAddressSpan) {
    base_ = lowest & ~std::uint64_t{0xfff};
    if (highest - base_ >= kAddressSpan) {
      return Error{
          ErrorKind::unsupported, "cannot unwind through this ELF file: it spans 4 GB or more", {}, 0};
    }
  }
  std::sort(executable_.begin(), executable_.end(),
            [](const auto& a, const auto& b) { return a.start < b.start; });
  std::uint64_t covered = 0;
  for (AddressRange& range : executable_) {
    range.start = std::max(range.start, covered);
    range.end = std::max(range.start, range.end);
    covered = range.end;
  }
  std::erase_if(executable_, [](const AddressRange& range) { return range.start >= range.end; });
  return {};
}

void UnwindImage::read_sections() {
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf_.get(), &names) != 0) return;
  for (Elf_Scn* section = elf_nextscn(elf_.get(), nullptr); section != nullptr;
       section = elf_nextscn(elf_.get(), section)) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    const bool executable = (header.sh_flags & SHF_EXECINSTR) != 0;
    if (header.sh_type == SHT_NOBITS || header.sh_size == 0) continue;
    const char* text = elf_strptr(elf_.get(), names, header.sh_name);
    if (text == nullptr) continue;
    const std::string_view name = text;
    const std::size_t index = elf_ndxscn(section);
    if (name == ".eh_frame" && eh_frame_section_ == 0) {
      eh_frame_section_ = index;
    } else if (name == ".debug_frame" || name == ".zdebug_frame") {
      debug_frame_section_ = index;
    } else if (name == ".text") {
      text_address_ = header.sh_addr;
    } else if (name == ".got.plt" || (name == ".got" && got_address_ == 0)) {
      got_address_ = header.sh_addr;
    } else if (executable && name.substr(0, 4) == ".plt" && plt_.size() < 8) {
      read_plt(index, name);
    }
  }
}

void UnwindImage::read_plt(std::size_t index, std::string_view name) {
  GElf_Shdr header;
  if (gelf_getshdr(elf_getscn(elf_.get(), index), &header) == nullptr) return;
  PltRegion region;
  std::uint64_t end = 0;
  if (__builtin_add_overflow(header.sh_addr, header.sh_size, &end)) return;
  region.range = {header.sh_addr, end};
  region.lazy = name == ".plt";
  // The entry at 16: the first is the resolver's own.
  if (region.lazy && header.sh_size >= 32)
    region.ibt = x86_64::is_ibt_entry(bytes_at(region.range.start + 16, end));
  plt_.push_back(region);
}

void UnwindImage::read_build_id(std::uint64_t offset, std::uint64_t size_bytes) {
  if (!identity_.build_id.empty() || size_bytes > kMaxNotes) return;
  const auto notes = raw(offset, size_bytes);
  ByteReader reader(notes.data(), notes.data() + notes.size());
  while (reader.ok() && reader.left() >= 12) {
    const auto name_bytes = reader.read<std::uint32_t>();
    const auto text_bytes = reader.read<std::uint32_t>();
    const auto type = reader.read<std::uint32_t>();
    ByteReader name = reader.take((std::uint64_t{name_bytes} + 3) & ~std::uint64_t{3});
    const ByteReader text = reader.take(text_bytes);
    if (!reader.ok()) return;
    if (type == NT_GNU_BUILD_ID && name_bytes == 4 && std::memcmp(name.at(), "GNU", 4) == 0 &&
        text_bytes > 0 && text_bytes <= kMaxBuildId) {
      identity_.build_id.assign(text.at(), text.end());
      return;
    }
    reader.skip(std::min<std::uint64_t>((4 - text_bytes % 4) % 4, reader.left()));
  }
}

void UnwindImage::hash_content(std::uint64_t file_bytes) {
  Hash64 hash;
  hash.add_word(file_bytes);
  hash.add_word(entry_);
  hash.add_word(eh_frame_hdr_);
  for (const Segment& segment : segments_) {
    hash.add_word(segment.address);
    hash.add_word(segment.offset);
    hash.add_word(segment.file_bytes);
  }
  for (const std::size_t index : {eh_frame_section_, debug_frame_section_}) {
    GElf_Shdr header;
    if (index == 0 || gelf_getshdr(elf_getscn(elf_.get(), index), &header) == nullptr) continue;
    hash.add_word(header.sh_addr);
    hash.add_word(header.sh_size);
    const std::uint64_t part = std::min<std::uint64_t>(header.sh_size, kHashedEnd);
    hash.add_bytes(raw(header.sh_offset, part));
    hash.add_bytes(raw(header.sh_offset + header.sh_size - part, part));
  }
  identity_.content_hash = hash.value();
}

std::span<const std::uint8_t> UnwindImage::raw(std::uint64_t offset, std::uint64_t size_bytes) const {
  if (size_bytes == 0 || size_bytes > kMaxFrameSection || offset > (std::uint64_t{1} << 62)) return {};
  const Elf_Data* data = elf_getdata_rawchunk(elf_.get(), static_cast<std::int64_t>(offset),
                                              static_cast<std::size_t>(size_bytes), ELF_T_BYTE);
  if (data == nullptr || data->d_buf == nullptr || data->d_size != size_bytes) return {};
  return {static_cast<const std::uint8_t*>(data->d_buf), data->d_size};
}

std::span<const std::uint8_t> UnwindImage::bytes_at(std::uint64_t start, std::uint64_t end) const {
  for (const Segment& segment : segments_) {
    if (start < segment.address || start - segment.address >= segment.file_bytes || end <= start) continue;
    const std::uint64_t into = start - segment.address;
    if (end - start > segment.file_bytes - into) return {};
    std::uint64_t offset = 0;
    if (__builtin_add_overflow(segment.offset, into, &offset)) return {};
    return raw(offset, end - start);
  }
  return {};
}

std::optional<CfiBytes> UnwindImage::eh_frame() const {
  CfiBytes bytes;
  bytes.text_base = text_address_;
  bytes.data_base = got_address_;
  GElf_Shdr header;
  if (eh_frame_section_ != 0 && gelf_getshdr(elf_getscn(elf_.get(), eh_frame_section_), &header) != nullptr &&
      (header.sh_flags & SHF_COMPRESSED) == 0) {
    const auto raw_bytes = raw(header.sh_offset, header.sh_size);
    if (raw_bytes.size() <= 4) return std::nullopt;
    bytes.data = raw_bytes.data();
    bytes.size = raw_bytes.size();
    bytes.address = header.sh_addr;
    return bytes;
  }
  if (eh_frame_hdr_ == 0) return std::nullopt;
  // Version, three encodings, then where .eh_frame starts. Its size is not said: it ends at a zero length.
  const auto head = bytes_at(eh_frame_hdr_, eh_frame_hdr_ + 12);
  if (head.size() != 12 || head[0] != 1) return std::nullopt;
  const CfiBytes header_bytes{head.data(), head.size(), eh_frame_hdr_, true, true, 0, eh_frame_hdr_};
  ByteReader reader(head.data() + 4, head.data() + head.size());
  const auto start = read_encoded_pointer(reader, head[1], header_bytes, 0);
  if (!start) return std::nullopt;
  for (const Segment& segment : segments_) {
    if (*start < segment.address || *start - segment.address >= segment.file_bytes) continue;
    const auto rest = bytes_at(*start, segment.address + segment.file_bytes);
    if (rest.size() <= 4) return std::nullopt;
    bytes.data = rest.data();
    bytes.size = rest.size();
    bytes.address = *start;
    bytes.stop_at_zero = true;
    return bytes;
  }
  return std::nullopt;
}

std::optional<CfiBytes> UnwindImage::debug_frame() const {
  if (debug_frame_section_ == 0) return std::nullopt;
  Elf_Scn* section = elf_getscn(elf_.get(), debug_frame_section_);
  GElf_Shdr header;
  if (gelf_getshdr(section, &header) == nullptr) return std::nullopt;
  if ((header.sh_flags & SHF_COMPRESSED) != 0) {
    GElf_Chdr compression;
    if (gelf_getchdr(section, &compression) == nullptr || compression.ch_size > kMaxDebugFrame)
      return std::nullopt;
    if (elf_compress(section, 0, 0) < 0) return std::nullopt;
  } else if (header.sh_size > kMaxDebugFrame) {
    return std::nullopt;
  }
  const Elf_Data* data = elf_rawdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr || data->d_size <= 4) return std::nullopt;
  CfiBytes bytes;
  bytes.data = static_cast<const std::uint8_t*>(data->d_buf);
  bytes.size = data->d_size;
  bytes.is_eh = false;
  bytes.text_base = text_address_;
  bytes.data_base = got_address_;
  return bytes;
}

}  // namespace leakgate::capture
