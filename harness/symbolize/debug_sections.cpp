// SPDX-License-Identifier: Apache-2.0
// Decompresses by libdeflate; see debug_sections.h.
#include "harness/symbolize/debug_sections.h"

#include <gelf.h>

#if LEAKGATE_HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

#include <algorithm>
#include <atomic>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/workers.h"

namespace leakgate::symbolize {

#if LEAKGATE_HAVE_LIBDEFLATE

namespace {

/// What libdw is asked for here.
constexpr std::string_view kRead[] = {".debug_info",     ".debug_types", ".debug_abbrev",     ".debug_addr",
                                      ".debug_aranges",  ".debug_line",  ".debug_line_str",   ".debug_ranges",
                                      ".debug_rnglists", ".debug_str",   ".debug_str_offsets"};
/// What libdw takes and nobody here asks it for: where variables are, how to unwind, macros.
constexpr std::string_view kUnread[] = {".debug_loc",     ".debug_loclists", ".debug_frame",
                                        ".debug_macinfo", ".debug_macro",    ".debug_pubnames"};

template <std::size_t n>
bool contains(const std::string_view (&names)[n], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

/// No more than so many bytes come from one: whoever claims more is not believed.
constexpr std::uint64_t kMostPerByte = 1032;

struct Freed {
  void operator()(libdeflate_decompressor* decompressor) const { libdeflate_free_decompressor(decompressor); }
};
using Decompressor = std::unique_ptr<libdeflate_decompressor, Freed>;

std::optional<GElf_Chdr> claim_of(Elf_Scn* section, const Elf_Data& compressed) {
  GElf_Chdr claim;
  if (gelf_getchdr(section, &claim) == nullptr || claim.ch_type != ELFCOMPRESS_ZLIB ||
      compressed.d_buf == nullptr || compressed.d_size <= sizeof(Elf64_Chdr) ||
      claim.ch_size / kMostPerByte > compressed.d_size)
    return std::nullopt;
  return claim;
}

/// A section to be decompressed.
struct Compressed {
  Elf64_Shdr* header;
  Elf_Data* data;
  Elf_Data* raw;
  GElf_Chdr claim;
  PageBuffer bytes{};  ///< empty: it is damaged
};

void decompress(libdeflate_decompressor& decompressor, Compressed& section) {
  const std::uint64_t size = section.claim.ch_size;
  PageBuffer out(std::max<std::uint64_t>(size, 1));
  if (out.empty()) return;
  const char* const in = static_cast<const char*>(section.raw->d_buf) + sizeof(Elf64_Chdr);
  std::size_t got = 0;
  const auto result = libdeflate_zlib_decompress(&decompressor, in, section.raw->d_size - sizeof(Elf64_Chdr),
                                                 out.data(), size, &got);
  if (result == LIBDEFLATE_SUCCESS && got == size) section.bytes = std::move(out);
}

/// The largest first, so that two workers end at about the same time.
void decompress_all(std::vector<Compressed>& sections, bool in_hurry) {
  constexpr std::uint64_t kWorthTwo = 1u << 16;
  std::sort(sections.begin(), sections.end(),
            [](const Compressed& a, const Compressed& b) { return a.claim.ch_size > b.claim.ch_size; });
  std::atomic<std::size_t> next = 0;
  const auto work = [&](unsigned) {
    const Decompressor decompressor(libdeflate_alloc_decompressor());
    for (std::size_t i = 0; decompressor && (i = next++) < sections.size();)
      decompress(*decompressor, sections[i]);
  };
  run_workers(in_hurry && sections.size() > 1 && sections[0].claim.ch_size > kWorthTwo ? 2 : 1, work);
}

/// Puts the bytes where libelf has what it read of the file: what elf_compress() does, too.
void replace(Elf64_Shdr& header, std::initializer_list<Elf_Data*> views, char* bytes,
             const GElf_Chdr& claim) {
  header.sh_flags &= ~static_cast<Elf64_Xword>(SHF_COMPRESSED);
  header.sh_size = claim.ch_size;
  header.sh_addralign = claim.ch_addralign;
  for (Elf_Data* const view : views) {
    view->d_buf = bytes;
    view->d_size = claim.ch_size;
    view->d_type = ELF_T_BYTE;
    view->d_align = claim.ch_addralign;
  }
}

}  // namespace

SectionBuffers decompress_debug_sections(Elf* elf, bool in_hurry) {
  SectionBuffers buffers;
  std::vector<Compressed> sections;
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return buffers;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    Elf64_Shdr* const header = elf64_getshdr(section);  // null in a 32-bit file
    if (header == nullptr || (header->sh_flags & SHF_COMPRESSED) == 0 || header->sh_type == SHT_NOBITS)
      continue;
    const char* const name = elf_strptr(elf, names, header->sh_name);
    if (name == nullptr) continue;
    if (contains(kUnread, name)) header->sh_type = SHT_NOBITS;
    if (!contains(kRead, name)) continue;
    Elf_Data* const data = elf_getdata(section, nullptr);
    Elf_Data* const raw = elf_rawdata(section, nullptr);
    if (data == nullptr || raw == nullptr) continue;
    if (const std::optional<GElf_Chdr> claim = claim_of(section, *raw); claim)
      sections.push_back({header, data, raw, *claim});
  }
  decompress_all(sections, in_hurry);
  for (Compressed& section : sections) {
    if (section.bytes.empty()) continue;
    replace(*section.header, {section.data, section.raw}, section.bytes.data(), section.claim);
    buffers.push_back(std::move(section.bytes));
  }
  return buffers;
}

#else

SectionBuffers decompress_debug_sections(Elf* /*elf*/, bool /*in_hurry*/) {
  return {};
}

#endif

}  // namespace leakgate::symbolize
