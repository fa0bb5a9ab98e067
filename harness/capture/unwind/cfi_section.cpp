// SPDX-License-Identifier: Apache-2.0
// Entries of a frame section. A CIE must come before the FDEs that use it, as .eh_frame's format demands and
// every producer of .debug_frame does; so one pass is enough and no entry is parsed twice, whatever the file
// claims.
#include "harness/capture/unwind/cfi_section.h"

#include <dwarf.h>

#include <algorithm>

#include "harness/capture/unwind/cfi_interpreter.h"
#include "harness/capture/unwind/unwind_x86_64.h"

namespace leakgate::capture {
namespace {

constexpr std::uint8_t kFormatMask = 0x0f;
constexpr std::uint8_t kBaseMask = 0x70;

/// The value alone, sign extended, before any base is added.
std::optional<std::uint64_t> read_pointer_value(ByteReader& reader, std::uint8_t format) {
  std::uint64_t value = 0;
  switch (format) {
    case DW_EH_PE_absptr:
    case DW_EH_PE_udata8:
    case DW_EH_PE_sdata8:
      value = reader.read<std::uint64_t>();
      break;
    case DW_EH_PE_uleb128:
      value = reader.uleb();
      break;
    case DW_EH_PE_sleb128:
      value = static_cast<std::uint64_t>(reader.sleb());
      break;
    case DW_EH_PE_udata2:
      value = reader.read<std::uint16_t>();
      break;
    case DW_EH_PE_udata4:
      value = reader.read<std::uint32_t>();
      break;
    case DW_EH_PE_sdata2:
      value = static_cast<std::uint64_t>(static_cast<std::int64_t>(reader.read<std::int16_t>()));
      break;
    case DW_EH_PE_sdata4:
      value = static_cast<std::uint64_t>(static_cast<std::int64_t>(reader.read<std::int32_t>()));
      break;
    default:
      return std::nullopt;
  }
  if (!reader.ok()) return std::nullopt;
  return value;
}

struct SeenCommon {
  std::uint64_t offset = 0;
  std::uint32_t index = 0;
};

class SectionReader {
 public:
  explicit SectionReader(const CfiBytes& bytes) { section_.bytes = bytes; }

  CfiSection run() {
    const CfiBytes& bytes = section_.bytes;
    ByteReader reader(bytes.data, bytes.data + bytes.size);
    // GCC and clang spend 40 to 60 bytes on an entry; a guess that saves regrowing, nothing depends on it.
    section_.ranges.reserve(static_cast<std::size_t>(bytes.size / 48));
    while (reader.left() >= 4) {
      const std::uint64_t entry_offset = offset_of(reader.at());
      std::uint64_t length = reader.read<std::uint32_t>();
      const bool wide = length == 0xffffffffU;
      if (wide) length = reader.read<std::uint64_t>();
      if (length == 0) {
        if (bytes.stop_at_zero) break;
        continue;
      }
      ByteReader entry = reader.take(length);
      if (!entry.ok()) {
        ++section_.skipped;
        break;  // a length past the end: nothing after it can be found
      }
      read_entry(entry, entry_offset, wide);
    }
    return std::move(section_);
  }

 private:
  std::uint64_t offset_of(const std::uint8_t* at) const {
    return static_cast<std::uint64_t>(at - section_.bytes.data);
  }

  void read_entry(ByteReader entry, std::uint64_t entry_offset, bool wide) {
    const std::uint64_t id_offset = offset_of(entry.at());
    // .eh_frame's id stays 4 bytes even in the 64-bit format.
    const bool wide_id = wide && !section_.bytes.is_eh;
    const std::uint64_t id = wide_id ? entry.read<std::uint64_t>() : entry.read<std::uint32_t>();
    const std::uint64_t common_id = section_.bytes.is_eh ? 0 : (wide ? ~std::uint64_t{0} : 0xffffffffU);
    if (!entry.ok()) {
      ++section_.skipped;
    } else if (id == common_id) {
      if (!read_common(entry, entry_offset)) ++section_.skipped;
    } else {
      const std::uint64_t common_offset = section_.bytes.is_eh ? id_offset - id : id;
      if (!read_range(entry, common_offset)) ++section_.skipped;
    }
  }

  bool read_common(ByteReader& entry, std::uint64_t entry_offset) {
    CfiCommon common;
    const auto version = entry.read<std::uint8_t>();
    if (version != 1 && version != 3 && version != 4) return false;
    const std::uint8_t* text = entry.at();
    const auto* text_end = std::find(text, entry.end(), std::uint8_t{0});
    if (text_end == entry.end()) return false;
    entry.skip(static_cast<std::uint64_t>(text_end - text) + 1);
    if (version == 4 && (entry.read<std::uint8_t>() != 8 || entry.read<std::uint8_t>() != 0)) return false;
    common.code_align = entry.uleb();
    common.data_align = entry.sleb();
    const std::uint64_t column = version == 1 ? entry.read<std::uint8_t>() : entry.uleb();
    if (!read_augmentation(entry, text, text_end, common) || !entry.ok()) return false;
    common.initial_ok =
        run_initial_instructions(entry, section_.bytes, common) && column == x86_64::kReturnAddressColumn;
    seen_.push_back({entry_offset, static_cast<std::uint32_t>(section_.commons.size())});
    section_.commons.push_back(common);
    return true;
  }

  bool read_augmentation(ByteReader& entry, const std::uint8_t* text, const std::uint8_t* text_end,
                         CfiCommon& common) {
    if (text == text_end) return true;
    if (*text != 'z') {
      // Without a size only S, which has no data, can be understood ("eh" of GCC 2 cannot).
      common.signal_frame = std::all_of(text, text_end, [](std::uint8_t letter) { return letter == 'S'; });
      return common.signal_frame;
    }
    common.sized_augmentation = true;
    ByteReader data = entry.take(entry.uleb());
    for (const auto* letter = text + 1; letter != text_end; ++letter) {
      if (*letter == 'R') {
        common.pointer_encoding = data.read<std::uint8_t>();
      } else if (*letter == 'S') {
        common.signal_frame = true;
      } else if (*letter == 'L') {
        data.skip(1);
      } else if (*letter == 'P') {
        const auto encoding = data.read<std::uint8_t>();
        if (!skip_pointer(data, encoding)) return false;
      } else if (*letter != 'B' && *letter != 'G') {
        break;  // an extension: its data is skipped with the rest, by the size
      }
    }
    return data.ok();
  }

  bool skip_pointer(ByteReader& data, std::uint8_t encoding) const {
    if (encoding == DW_EH_PE_omit) return true;
    const auto direct = static_cast<std::uint8_t>(encoding & (kFormatMask | kBaseMask));
    return read_encoded_pointer(data, direct, section_.bytes, 0).has_value();
  }

  bool read_range(ByteReader& entry, std::uint64_t common_offset) {
    const SeenCommon* seen = find_common(common_offset);
    if (seen == nullptr) return false;
    const CfiCommon& common = section_.commons[seen->index];
    const auto start = read_encoded_pointer(entry, common.pointer_encoding, section_.bytes, 0);
    if (!start) return false;
    const auto length = read_pointer_value(entry, common.pointer_encoding & kFormatMask);
    if (!length) return false;
    if (common.sized_augmentation) entry.skip(entry.uleb());
    std::uint64_t end = 0;
    if (!entry.ok() || __builtin_add_overflow(*start, *length, &end) || entry.left() > 0xffffffffU)
      return false;
    if (end <= *start) return true;  // an empty range: legal, and says nothing
    section_.ranges.push_back(
        {*start, end, entry.at(), static_cast<std::uint32_t>(entry.left()), seen->index});
    return true;
  }

  const SeenCommon* find_common(std::uint64_t offset) const {
    if (seen_.empty()) return nullptr;
    if (seen_.back().offset == offset) return &seen_.back();
    const auto at =
        std::lower_bound(seen_.begin(), seen_.end(), offset,
                         [](const SeenCommon& seen, std::uint64_t value) { return seen.offset < value; });
    return at != seen_.end() && at->offset == offset ? &*at : nullptr;
  }

  CfiSection section_;
  std::vector<SeenCommon> seen_;  // ascending by offset
};

}  // namespace

std::optional<std::uint64_t> read_encoded_pointer(ByteReader& reader, std::uint8_t encoding,
                                                  const CfiBytes& bytes, std::uint64_t function) {
  if (encoding == DW_EH_PE_omit || (encoding & DW_EH_PE_indirect) != 0) return std::nullopt;
  const auto place = [&] { return bytes.address + static_cast<std::uint64_t>(reader.at() - bytes.data); };
  const std::uint8_t base = encoding & kBaseMask;
  if (base == DW_EH_PE_aligned) {
    reader.skip((8 - place() % 8) % 8);
    return read_pointer_value(reader, DW_EH_PE_absptr);
  }
  std::uint64_t origin = 0;
  switch (base) {
    case 0:
      break;
    case DW_EH_PE_pcrel:
      origin = place();
      break;
    case DW_EH_PE_textrel:
      origin = bytes.text_base;
      break;
    case DW_EH_PE_datarel:
      origin = bytes.data_base;
      break;
    case DW_EH_PE_funcrel:
      origin = function;
      break;
    default:
      return std::nullopt;
  }
  const auto value = read_pointer_value(reader, encoding & kFormatMask);
  if (!value) return std::nullopt;
  return origin + *value;
}

CfiSection read_cfi_section(const CfiBytes& bytes) {
  return SectionReader(bytes).run();
}

}  // namespace leakgate::capture
