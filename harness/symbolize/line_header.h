// SPDX-License-Identifier: Apache-2.0
// Whether a unit's line table may be handed to libdw, which (0.188 to 0.192 at least) takes the length of a
// directory's name without looking whether it got one: a damaged file would end the process.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <span>

namespace leakgate::symbolize {

/// The sections a line table's header refers to, in the file's byte order (little endian).
struct LineSections {
  std::span<const std::uint8_t> lines;         ///< .debug_line
  std::span<const std::uint8_t> line_strings;  ///< .debug_line_str
  std::span<const std::uint8_t> strings;       ///< .debug_str
};

/// True when the table at `offset` of sections.lines is one that libdw can read: of version 5, every name in
/// the header is there. Headers of older versions hold their names themselves, and libdw checks those.
/// `has_directory`: the unit names its compilation directory; where it does not, a table that defines files
/// in its program is refused too.
[[nodiscard]] bool is_sound_line_table(const LineSections& sections, std::uint64_t offset,
                                       bool has_directory);

/// The same for the unit that starts with `unit`; true where it has no line table.
[[nodiscard]] bool has_sound_lines(Dwarf_Die unit);

}  // namespace leakgate::symbolize
