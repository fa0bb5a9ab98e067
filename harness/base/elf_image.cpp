// SPDX-License-Identifier: Apache-2.0
// ElfImage: opening, the dynamic section, and the two-way map between addresses and file offsets. The
// kernel's uprobe interface takes file offsets, so file_offset() answers only where the byte at an address
// really comes from the file.
#include "harness/base/elf_image.h"

#include <algorithm>
#include <cstring>

#include "harness/base/elf_image_state.h"

namespace leakgate {
namespace {

constexpr std::size_t kMaxDynamicEntries = 1u << 16;
constexpr std::size_t kMaxTextBytes = 1u << 16;
constexpr std::uint64_t kPageBytes = 4096;
constexpr std::size_t kMaxReadBytes = 64u << 20;

/// Where in `segment` the `count` bytes at `vaddr` stand; none where they are not all file bytes of it.
std::optional<std::uint64_t> offset_in(const LoadSegment& segment, std::uint64_t vaddr, std::uint64_t count) {
  if (vaddr < segment.vaddr) return std::nullopt;
  const std::uint64_t inside = vaddr - segment.vaddr;
  if (inside >= segment.file_size_bytes || count > segment.file_size_bytes - inside) return std::nullopt;
  return segment.file_offset + inside;
}

std::vector<LoadSegment> load_segments(const ElfFile& file) {
  std::vector<LoadSegment> segments;
  for (const Elf64_Phdr& header : file.program_headers()) {
    if (header.p_type != PT_LOAD) continue;
    // What a loader would refuse (unaligned, wrapping, past the end of the file) maps nothing.
    if ((header.p_vaddr - header.p_offset) % kPageBytes != 0) continue;
    if (header.p_offset > file.size_bytes() || header.p_filesz > file.size_bytes() - header.p_offset)
      continue;
    if (header.p_memsz < header.p_filesz || header.p_vaddr + header.p_memsz < header.p_vaddr) continue;
    segments.push_back({header.p_vaddr, header.p_offset, header.p_filesz, header.p_memsz,
                        (header.p_flags & PF_R) != 0, (header.p_flags & PF_W) != 0,
                        (header.p_flags & PF_X) != 0});
  }
  return segments;
}

std::string text_at(const ElfFile& file, std::uint64_t offset, std::uint64_t limit) {
  if (offset > file.size_bytes()) return {};
  const auto bytes =
      file.read(offset, std::min({limit, file.size_bytes() - offset, std::uint64_t{kMaxTextBytes}}));
  if (!bytes) return {};
  const auto end = std::find(bytes->begin(), bytes->end(), std::uint8_t{0});
  if (end == bytes->end()) return {};
  return {bytes->begin(), end};
}

std::vector<Elf64_Dyn> dynamic_entries(const ElfFile& file) {
  std::vector<Elf64_Dyn> entries;
  for (const Elf64_Phdr& header : file.program_headers()) {
    if (header.p_type != PT_DYNAMIC) continue;
    const std::size_t count =
        std::min<std::uint64_t>(header.p_filesz / sizeof(Elf64_Dyn), kMaxDynamicEntries);
    const auto bytes = file.read(header.p_offset, count * sizeof(Elf64_Dyn));
    if (!bytes) return {};
    for (std::size_t i = 0; i < count; ++i) {
      Elf64_Dyn entry;
      std::memcpy(&entry, bytes->data() + i * sizeof entry, sizeof entry);
      if (entry.d_tag == DT_NULL) break;
      entries.push_back(entry);
    }
    break;
  }
  return entries;
}

}  // namespace

ElfImage::ElfImage(std::unique_ptr<State> state) : state_(std::move(state)) {}
ElfImage::ElfImage(ElfImage&&) noexcept = default;
ElfImage& ElfImage::operator=(ElfImage&&) noexcept = default;
ElfImage::~ElfImage() = default;

Result<ElfImage> ElfImage::open(const std::string& path, const ElfOptions& options) {
  auto fd = open_regular_file(path);
  if (!fd) return std::move(fd).error();
  return from_fd(std::move(*fd), path, options);
}

Result<ElfImage> ElfImage::from_fd(Descriptor fd, std::string name, const ElfOptions& options) {
  auto file = ElfFile::from_fd(std::move(fd), name);
  if (!file) return std::move(file).error();
  auto state = std::make_unique<State>(std::move(*file));
  state->path = std::move(name);
  state->options = options;
  state->segments = load_segments(state->file);
  state->build_id = state->file.build_id();
  for (const Elf64_Phdr& header : state->file.program_headers())
    if (header.p_type == PT_INTERP && state->interpreter.empty())
      state->interpreter = text_at(state->file, header.p_offset, header.p_filesz);

  ElfImage image(std::move(state));
  State& made = *image.state_;
  const std::vector<Elf64_Dyn> entries = dynamic_entries(made.file);
  std::uint64_t names_vaddr = 0;
  std::uint64_t names_bytes = 0;
  for (const Elf64_Dyn& entry : entries) {
    if (entry.d_tag == DT_STRTAB) names_vaddr = entry.d_un.d_ptr;
    if (entry.d_tag == DT_STRSZ) names_bytes = entry.d_un.d_val;
  }
  const auto names_offset = image.file_offset(names_vaddr);
  const auto text = [&](const Elf64_Dyn& entry) -> std::string {
    const std::uint64_t at = entry.d_un.d_val;
    if (!names_offset || at >= names_bytes || at > made.file.size_bytes()) return {};
    return text_at(made.file, *names_offset + at, names_bytes - at);
  };
  for (const Elf64_Dyn& entry : entries) {
    if (entry.d_tag == DT_NEEDED) {
      if (std::string library = text(entry); !library.empty()) made.needed.push_back(std::move(library));
    } else if (entry.d_tag == DT_SONAME) {
      made.soname = text(entry);
    } else if (entry.d_tag == DT_RPATH) {
      made.rpath = text(entry);
    } else if (entry.d_tag == DT_RUNPATH) {
      made.runpath = text(entry);
    } else if (entry.d_tag == DT_FLAGS_1) {
      made.no_default_libraries = (entry.d_un.d_val & DF_1_NODEFLIB) != 0;
      made.pie_flag = (entry.d_un.d_val & DF_1_PIE) != 0;
    }
  }
  // libc.so.6 has an interpreter too, so that one can run it; what tells it from an old PIE is its soname.
  if (made.file.header().e_type == ET_EXEC) {
    made.type = ElfType::executable;
  } else if (made.pie_flag || (!made.interpreter.empty() && made.soname.empty())) {
    made.type = ElfType::pie;
  }
  return image;
}

const std::string& ElfImage::path() const {
  return state_->path;
}
ElfType ElfImage::type() const {
  return state_->type;
}
std::uint64_t ElfImage::entry_point() const {
  return state_->file.header().e_entry;
}
const std::string& ElfImage::interpreter() const {
  return state_->interpreter;
}
const std::vector<std::string>& ElfImage::needed() const {
  return state_->needed;
}
const std::string& ElfImage::soname() const {
  return state_->soname;
}
const std::string& ElfImage::rpath() const {
  return state_->rpath;
}
const std::string& ElfImage::runpath() const {
  return state_->runpath;
}
bool ElfImage::no_default_libraries() const {
  return state_->no_default_libraries;
}
const std::string& ElfImage::build_id() const {
  return state_->build_id;
}
const std::vector<LoadSegment>& ElfImage::segments() const {
  return state_->segments;
}

bool ElfImage::is_static() const {
  return state_->type != ElfType::shared && state_->interpreter.empty();
}

std::optional<std::uint64_t> ElfImage::file_offset(std::uint64_t vaddr) const {
  for (const bool executable : {true, false})
    for (const LoadSegment& segment : state_->segments)
      if (segment.executable == executable)
        if (const auto offset = offset_in(segment, vaddr, 1)) return offset;
  return std::nullopt;
}

std::optional<std::uint64_t> ElfImage::vaddr(std::uint64_t file_offset) const {
  for (const bool executable : {true, false})
    for (const LoadSegment& segment : state_->segments)
      if (segment.executable == executable && file_offset >= segment.file_offset &&
          file_offset - segment.file_offset < segment.file_size_bytes)
        return segment.vaddr + (file_offset - segment.file_offset);
  return std::nullopt;
}

Result<std::vector<std::uint8_t>> ElfImage::read_code(std::uint64_t vaddr, std::size_t count) const {
  for (const LoadSegment& segment : state_->segments)
    if (segment.executable && count <= kMaxReadBytes)
      if (const auto offset = offset_in(segment, vaddr, count))
        if (auto bytes = state_->file.read(*offset, count)) return std::move(*bytes);
  return Error{ErrorKind::format,
               "'" + state_->path + "' has no " + std::to_string(count) + " bytes of code at address " +
                   std::to_string(vaddr),
               {},
               0};
}

Result<std::vector<std::uint8_t>> ElfImage::read_data(std::uint64_t vaddr, std::size_t count) const {
  for (const LoadSegment& segment : state_->segments)
    if (count <= kMaxReadBytes)
      if (const auto offset = offset_in(segment, vaddr, count))
        if (auto bytes = state_->file.read(*offset, count)) return std::move(*bytes);
  return Error{
      ErrorKind::format,
      "'" + state_->path + "' has no " + std::to_string(count) + " bytes at address " + std::to_string(vaddr),
      {},
      0};
}

}  // namespace leakgate
