// SPDX-License-Identifier: Apache-2.0
// UnwindTable: the compact rows of one module (bpf/wire.h, struct lg_row) and the page index that finds one
// in a few steps. In: an ELF module. Out: rows sorted by pc, gaps and overlaps resolved. Who maps the module
// where is not known here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bpf/wire.h"
#include "harness/base/result.h"
#include "harness/capture/unwind/unwind_image.h"

namespace leakgate::capture {

/// The page index has one entry per 1 << kPageShift bytes of code: 3 to 5 rows in what GCC and clang write.
inline constexpr unsigned kPageShift = 7;
/// Limits on what one module may ask for: rows (128 MB), pages (1 GB of code).
inline constexpr std::size_t kMaxRows = std::size_t{1} << 24;
inline constexpr std::size_t kMaxPages = std::size_t{1} << 23;

/// Rows of one module. When not empty: pcs strictly ascending, rows[0].pc == origin and a multiple of the
/// page size, the last row is LG_RULE_NONE at the end of the last covered range. A row holds from its pc to
/// the next row's.
struct UnwindTable {
  std::vector<lg_row> rows;
  /// pages[i]: index of the last row with pc <= origin + (i << kPageShift). One more entry than pages, so
  /// that the row of a pc in page i lies in rows[pages[i] .. pages[i + 1]], both included.
  std::vector<std::uint32_t> pages;
  std::uint64_t base =
      0;  ///< subtracted from a module address to make a row pc; 0 unless addresses exceed 32 bits
  std::uint32_t origin = 0;  ///< row pc at which page 0 starts
  std::uint32_t limit =
      0;  ///< pcs in [origin, limit) are covered by the index; others have no row (LG_RULE_NONE)
  std::uint32_t max_span =
      0;  ///< largest pages[i + 1] - pages[i]: a bisection needs ceil(log2(max_span + 1)) steps
};

/// Rows for the ELF file behind `fd` (read, not mapped; stays the caller's). An ELF file without CFI gives an
/// empty table. Fails as UnwindImage::open does, and (unsupported) when the module exceeds kMaxRows or
/// kMaxPages.
Result<UnwindTable> build_unwind_table(int fd);
/// The same for a complete ELF image in memory, such as the vDSO.
Result<UnwindTable> build_unwind_table(std::span<const std::uint8_t> elf_bytes);
/// The same for an image that is already open.
Result<UnwindTable> build_unwind_table(const UnwindImage& image);

/// Sets pages, origin, limit and max_span from rows. False when rows break the rules stated at UnwindTable.
bool index_rows(UnwindTable& table);

/// The rule that holds at `pc` (a row pc: module address minus table.base); LG_RULE_NONE outside.
std::uint32_t find_rule(const UnwindTable& table, std::uint64_t pc);

}  // namespace leakgate::capture
