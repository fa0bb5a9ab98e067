// SPDX-License-Identifier: Apache-2.0
// From FDEs to a table. Ranges are sorted by start; where two overlap, the earlier one ends at the start of
// the later one; of two with the same start the first in the file wins, and .eh_frame before .debug_frame,
// always.
#include "harness/capture/unwind/unwind_table.h"

#include <algorithm>
#include <tuple>

#include "harness/capture/unwind/cfi_interpreter.h"
#include "harness/capture/unwind/unwind_x86_64.h"

namespace leakgate::capture {
namespace {

/// How far beyond an entry point without CFI its code reaches, unless a range with CFI starts earlier. In
/// ld.so it calls the constructors of shared libraries some 50 bytes in: their stacks end there.
constexpr std::uint64_t kEntryBytes = 96;
/// Gaps between FDEs are searched for a signal trampoline when they are longer than padding, this many of
/// them, and up to this many bytes in all: only small C libraries are built without CFI.
constexpr std::uint64_t kTrampolineGap = 16;
constexpr std::size_t kTrampolineGaps = 1024;
constexpr std::uint64_t kTrampolineSearch = std::uint64_t{4} << 20;
constexpr std::size_t kTrampolines = 4;
constexpr std::uint64_t kTrampolineBytes = 9;

enum class Source : std::uint8_t {
  eh_frame,
  debug_frame,
  plt_lazy,
  plt_lazy_ibt,
  plt_plain,
  entry,
  trampoline
};

/// One range that gets rows; `index` is into the section's ranges for the first two sources.
struct Piece {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint32_t index = 0;
  Source source = Source::eh_frame;
};

bool before(const Piece& a, const Piece& b) {
  return std::tie(a.start, a.source, a.index) < std::tie(b.start, b.source, b.index);
}

class TableBuilder {
 public:
  explicit TableBuilder(const UnwindImage& image) : image_(image) {}

  Result<UnwindTable> run() {
    if (const auto bytes = image_.eh_frame()) {
      eh_frame_ = read_cfi_section(*bytes);
      add_section(eh_frame_, Source::eh_frame, pieces_);
      sort_pieces();
    }
    if (const auto bytes = image_.debug_frame()) {
      debug_frame_ = read_cfi_section(*bytes);
      std::vector<Piece> extra;
      add_section(debug_frame_, Source::debug_frame, extra);
      merge_uncovered(extra);
    }
    add_linkage_tables();
    add_entry();
    add_trampolines();
    if (pieces_.empty()) return UnwindTable{};
    return put_rows();
  }

 private:
  void sort_pieces() {
    if (!std::is_sorted(pieces_.begin(), pieces_.end(), before))
      std::sort(pieces_.begin(), pieces_.end(), before);
  }

  /// Ranges outside executable segments are dropped: the linker leaves those of discarded functions at
  /// address 0.
  void add_section(const CfiSection& section, Source source, std::vector<Piece>& pieces) const {
    const auto& executable = image_.executable();
    pieces.reserve(section.ranges.size());
    for (std::size_t i = 0; i < section.ranges.size(); ++i) {
      const CfiRange& range = section.ranges[i];
      const auto after =
          std::upper_bound(executable.begin(), executable.end(), range.start,
                           [](std::uint64_t pc, const AddressRange& at) { return pc < at.start; });
      if (after == executable.begin() || range.start >= std::prev(after)->end) continue;
      const std::uint64_t end = std::min(range.end, std::prev(after)->end);
      pieces.push_back({range.start, end, static_cast<std::uint32_t>(i), source});
    }
  }

  /// Adds those of `extra` whose start no piece covers yet. pieces_ is sorted, before and after.
  void merge_uncovered(const std::vector<Piece>& extra) {
    std::vector<Piece> wanted;
    for (const Piece& piece : extra) {
      if (!covered(piece.start)) wanted.push_back(piece);
    }
    if (wanted.empty()) return;
    pieces_.insert(pieces_.end(), wanted.begin(), wanted.end());
    sort_pieces();
  }

  bool covered(std::uint64_t pc) const {
    const auto after =
        std::upper_bound(pieces_.begin(), pieces_.end(), pc,
                         [](std::uint64_t at, const Piece& piece) { return at < piece.start; });
    return after != pieces_.begin() && pc < std::prev(after)->end;
  }

  bool is_executable(std::uint64_t start, std::uint64_t end) const {
    return std::any_of(image_.executable().begin(), image_.executable().end(),
                       [&](const AddressRange& range) { return start >= range.start && end <= range.end; });
  }

  void add_linkage_tables() {
    std::vector<Piece> extra;
    for (const PltRegion& region : image_.linkage_tables()) {
      if (!is_executable(region.range.start, region.range.end)) continue;
      const Source lazy = region.ibt ? Source::plt_lazy_ibt : Source::plt_lazy;
      extra.push_back({region.range.start, region.range.end, 0, region.lazy ? lazy : Source::plt_plain});
    }
    merge_uncovered(extra);
  }

  /// The entry point has no caller; ld.so and C libraries without CFI do not say so.
  void add_entry() {
    const std::uint64_t start = image_.entry();
    if (start == 0 || pieces_.empty()) return;
    for (const AddressRange& range : image_.executable()) {
      if (start < range.start || start >= range.end) continue;
      merge_uncovered({{start, std::min(range.end, start + kEntryBytes), 0, Source::entry}});
    }
  }

  void add_trampolines() {
    std::vector<Piece> extra;
    std::uint64_t searched = 0;
    std::size_t gaps = 0;
    for (std::size_t i = 0; i + 1 < pieces_.size() && gaps < kTrampolineGaps; ++i) {
      const std::uint64_t start = pieces_[i].end;
      const std::uint64_t end = pieces_[i + 1].start;
      if (end <= start || end - start < kTrampolineGap || !is_executable(start, end)) continue;
      if (end - start > kTrampolineSearch - searched) continue;
      searched += end - start;
      ++gaps;
      for (const std::uint32_t at : x86_64::find_signal_returns(image_.bytes_at(start, end), kTrampolines)) {
        // Looked up with pc - 1, since it is a return address: the byte before belongs to it.
        const std::uint64_t from = start + at - (at > 0 ? 1 : 0);
        extra.push_back({from, std::min(end, start + at + kTrampolineBytes), 0, Source::trampoline});
      }
    }
    merge_uncovered(extra);
  }

  void put_piece(const Piece& piece, std::uint64_t end, RowSink& sink) const {
    const std::uint64_t base = image_.base();
    const auto pc = static_cast<std::uint32_t>(piece.start - base);
    switch (piece.source) {
      case Source::eh_frame:
        return put_range_rows(eh_frame_, eh_frame_.ranges[piece.index], end, base, sink);
      case Source::debug_frame:
        return put_range_rows(debug_frame_, debug_frame_.ranges[piece.index], end, base, sink);
      case Source::plt_lazy:
        return sink.put(pc, LG_RULE_MAKE(LG_RULE_PLT, 8, 0, 0));
      case Source::plt_lazy_ibt:
        return put_plt_rows(piece.start, end, base, x86_64::kPltPushedIbt, sink);
      case Source::plt_plain:
        return sink.put(pc, x86_64::plain_rule(8));
      case Source::entry:
        return sink.put(pc, LG_RULE_END);
      case Source::trampoline:
        return sink.put(pc, LG_RULE_SIGNAL);
    }
  }

  Result<UnwindTable> put_rows() const {
    UnwindTable table;
    table.base = image_.base();
    const std::uint64_t first = pieces_.front().start - table.base;
    // GCC and clang give 5 to 12 rows a function.
    table.rows.reserve(std::min(kMaxRows, pieces_.size() * 10 + 16));
    RowSink sink(table.rows, kMaxRows);
    sink.put(static_cast<std::uint32_t>(first) & ~((1U << kPageShift) - 1), LG_RULE_NONE);
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const Piece& piece = pieces_[i];
      if (i > 0 && pieces_[i - 1].start == piece.start) continue;
      std::size_t next = i + 1;
      while (next < pieces_.size() && pieces_[next].start == piece.start)
        ++next;
      const std::uint64_t end = next < pieces_.size() ? std::min(piece.end, pieces_[next].start) : piece.end;
      put_piece(piece, end, sink);
      if (next == pieces_.size() || pieces_[next].start > end) {
        sink.put(static_cast<std::uint32_t>(end - table.base), LG_RULE_NONE);
      }
    }
    if (sink.overflow() || !index_rows(table)) {
      return Error{ErrorKind::unsupported,
                   "cannot unwind through this ELF file: too many rows or too much code",
                   {},
                   0};
    }
    return table;
  }

  const UnwindImage& image_;
  CfiSection eh_frame_;
  CfiSection debug_frame_;
  std::vector<Piece> pieces_;
};

}  // namespace

Result<UnwindTable> build_unwind_table(const UnwindImage& image) {
  return TableBuilder(image).run();
}

Result<UnwindTable> build_unwind_table(int fd) {
  auto image = UnwindImage::open(fd);
  if (!image) return std::move(image).error();
  return build_unwind_table(*image);
}

Result<UnwindTable> build_unwind_table(std::span<const std::uint8_t> elf_bytes) {
  auto image = UnwindImage::open(elf_bytes);
  if (!image) return std::move(image).error();
  return build_unwind_table(*image);
}

bool index_rows(UnwindTable& table) {
  const auto& rows = table.rows;
  table.pages.clear();
  table.origin = table.limit = table.max_span = 0;
  if (rows.empty()) return true;
  constexpr std::uint32_t page_mask = (1U << kPageShift) - 1;
  const std::uint32_t origin = rows.front().pc;
  const std::uint64_t extent =
      std::uint64_t{rows.back().pc} - origin;  // checked below, with the order of the rows
  const std::uint64_t page_count = (extent + page_mask) >> kPageShift;
  if (rows.size() > kMaxRows || page_count > kMaxPages || rows.back().pc < origin ||
      (origin & page_mask) != 0 || rows.back().rule != LG_RULE_NONE ||
      LG_RULE_KIND(rows.front().rule) > LG_RULE_LAST) {
    return false;
  }
  // Two loops without a branch per row: loading a cached table spends most of its time here. Each row claims
  // the first page that starts at or after it, the last claim stands; pages nobody claimed then take their
  // predecessor's row.
  table.pages.assign(page_count + 1, 0);
  std::uint32_t* pages = table.pages.data();
  bool bad = false;
  std::uint32_t previous = origin;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const std::uint32_t pc = rows[i].pc;
    bad |= (pc <= previous) | (LG_RULE_KIND(rows[i].rule) > LG_RULE_LAST);
    previous = pc;
    const std::uint64_t page = (std::uint64_t{pc - origin} + page_mask) >> kPageShift;
    pages[std::min(page, page_count)] =
        static_cast<std::uint32_t>(i);  // the minimum: rows out of order stay inside
  }
  if (bad) {
    table.pages.clear();
    return false;
  }
  std::uint32_t span = 0;
  for (std::size_t i = 1; i <= page_count; ++i) {
    pages[i] = std::max(pages[i], pages[i - 1]);
    span = std::max(span, pages[i] - pages[i - 1]);
  }
  table.origin = origin;
  table.limit = rows.back().pc;
  table.max_span = span;
  return true;
}

std::uint32_t find_rule(const UnwindTable& table, std::uint64_t pc) {
  if (pc < table.origin || pc >= table.limit) return LG_RULE_NONE;
  const std::size_t page = (pc - table.origin) >> kPageShift;
  std::uint32_t low = table.pages[page];
  std::uint32_t high = table.pages[page + 1];
  while (low < high) {
    const std::uint32_t middle = low + (high - low + 1) / 2;
    if (table.rows[middle].pc <= pc) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return table.rows[low].rule;
}

}  // namespace leakgate::capture
