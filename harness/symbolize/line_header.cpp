// SPDX-License-Identifier: Apache-2.0
// The header of a version 5 line table (DWARF 5, section 6.2.4), read as far as its names go; see
// line_header.h.
#include "harness/symbolize/line_header.h"

#include <dwarf.h>
#include <gelf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace leakgate::symbolize {
namespace {

constexpr std::uint64_t kMaxEntries = 1U << 20;

/// Reads forward; after the end every value is 0 and ok() is false.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    if (!has(bytes)) return 0;
    std::memcpy(&value, bytes_.data() + at_, bytes);
    at_ += bytes;
    return value;
  }
  std::uint64_t uleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; has(1); shift += 7) {
      const std::uint8_t byte = bytes_[at_++];
      if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return 0;
  }
  void skip(std::uint64_t bytes) {
    if (has(bytes)) at_ += bytes;
  }
  void skip_string() {
    const auto rest = bytes_.subspan(std::min(at_, bytes_.size()));
    const auto end = std::find(rest.begin(), rest.end(), std::uint8_t{0});
    skip(static_cast<std::uint64_t>(end - rest.begin()) + 1);
  }

 private:
  bool has(std::uint64_t bytes) {
    if (bytes > bytes_.size() - at_) ok_ = false;
    return ok_;
  }
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

/// Whether a string that ends starts at `offset`.
bool is_string(std::span<const std::uint8_t> section, std::uint64_t offset) {
  if (offset >= section.size()) return false;
  const auto rest = section.subspan(static_cast<std::size_t>(offset));
  return std::find(rest.begin(), rest.end(), std::uint8_t{0}) != rest.end();
}

class Header {
 public:
  Header(const LineSections& sections, Cursor cursor, std::size_t offset_bytes)
      : sections_(sections), cursor_(cursor), offset_bytes_(offset_bytes) {}

  bool is_sound() {
    cursor_.skip(2 + offset_bytes_);  // sizes of an address and of a segment, length of the header
    cursor_.skip(5);                  // instruction and line steps
    const std::uint64_t opcodes = cursor_.number(1);
    if (opcodes > 0) cursor_.skip(opcodes - 1);
    return read_table() && read_table();  // directories, files
  }

 private:
  bool read_table() {
    std::array<std::pair<std::uint64_t, std::uint64_t>, 256> format;
    const std::uint64_t fields = cursor_.number(1);
    for (std::uint64_t i = 0; i < fields; ++i) {
      format[i].first = cursor_.uleb();
      format[i].second = cursor_.uleb();
    }
    const std::uint64_t entries = cursor_.uleb();
    if (!cursor_.ok() || entries > kMaxEntries) return false;
    for (std::uint64_t entry = 0; entry < entries && fields > 0; ++entry)
      for (std::uint64_t i = 0; i < fields; ++i)
        if (!read_field(format[i].first == DW_LNCT_path, format[i].second) || !cursor_.ok()) return false;
    return true;
  }

  bool read_field(bool is_name, std::uint64_t form) {
    switch (form) {
      case DW_FORM_string:
        cursor_.skip_string();
        return true;
      case DW_FORM_line_strp:
        return is_string(sections_.line_strings, cursor_.number(offset_bytes_));
      case DW_FORM_strp:
        return is_string(sections_.strings, cursor_.number(offset_bytes_));
      case DW_FORM_udata:
        cursor_.uleb();
        break;
      case DW_FORM_data1:
        cursor_.skip(1);
        break;
      case DW_FORM_data2:
        cursor_.skip(2);
        break;
      case DW_FORM_data4:
        cursor_.skip(4);
        break;
      case DW_FORM_data8:
        cursor_.skip(8);
        break;
      case DW_FORM_data16:
        cursor_.skip(16);
        break;
      case DW_FORM_block:
        cursor_.skip(cursor_.uleb());
        break;
      default:
        return false;
    }
    return !is_name;
  }

  const LineSections& sections_;
  Cursor cursor_;
  std::size_t offset_bytes_;
};

/// Whether the bytes of DW_LNE_define_file occur, as an instruction or by chance; no compiler of today writes
/// it.
bool may_define_files(std::span<const std::uint8_t> table) {
  for (std::size_t at = 0; at + 2 < table.size(); ++at) {
    if (table[at] != 0) continue;
    std::size_t code = at + 1;  // behind the instruction's length
    while (code < table.size() && (table[code] & 0x80) != 0)
      ++code;
    if (code + 1 < table.size() && table[code + 1] == DW_LNE_define_file) return true;
  }
  return false;
}

/// The decompressed bytes of the first section with one of these names: plain, GNU compressed, split.
std::span<const std::uint8_t> section(Elf* elf, std::string_view name) {
  std::size_t names = 0;
  if (elf == nullptr || elf_getshdrstrndx(elf, &names) != 0) return {};
  for (Elf_Scn* at = elf_nextscn(elf, nullptr); at != nullptr; at = elf_nextscn(elf, at)) {
    GElf_Shdr header;
    if (gelf_getshdr(at, &header) == nullptr || header.sh_type == SHT_NOBITS) continue;
    const char* text = elf_strptr(elf, names, header.sh_name);
    if (text == nullptr) continue;
    std::string_view found = text;
    if (found.ends_with(".dwo")) found.remove_suffix(4);
    if (found.starts_with(".z")) found.remove_prefix(2);
    if (found != name.substr(found.starts_with('.') ? 0 : 1)) continue;
    const Elf_Data* data = elf_getdata(at, nullptr);
    if (data == nullptr || data->d_buf == nullptr) continue;
    return {static_cast<const std::uint8_t*>(data->d_buf), data->d_size};
  }
  return {};
}

}  // namespace

bool is_sound_line_table(const LineSections& sections, std::uint64_t offset, bool has_directory) {
  if (offset >= sections.lines.size()) return true;  // libdw sees that by itself
  const auto table = sections.lines.subspan(static_cast<std::size_t>(offset));
  Cursor cursor(table);
  std::size_t offset_bytes = 4;
  if (cursor.number(4) == 0xffffffffU) {
    cursor.skip(8);
    offset_bytes = 8;
  }
  const std::uint64_t version = cursor.number(2);
  if (!cursor.ok() || (!has_directory && may_define_files(table))) return false;
  return version != 5 || Header(sections, cursor, offset_bytes).is_sound();
}

bool has_sound_lines(Dwarf_Die unit) {
  Dwarf_Attribute attribute;
  Dwarf_Word offset = 0;
  if (dwarf_attr(&unit, DW_AT_stmt_list, &attribute) != nullptr && dwarf_formudata(&attribute, &offset) != 0)
    return false;
  const bool has_directory = dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &attribute)) != nullptr;
  Elf* elf = dwarf_getelf(dwarf_cu_getdwarf(unit.cu));
  return is_sound_line_table(
      {section(elf, ".debug_line"), section(elf, ".debug_line_str"), section(elf, ".debug_str")}, offset,
      has_directory);
}

}  // namespace leakgate::symbolize
