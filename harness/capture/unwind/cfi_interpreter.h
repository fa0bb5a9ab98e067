// SPDX-License-Identifier: Apache-2.0
// Runs call frame instructions (DW_CFA_*). In: the instructions of one CIE or FDE, untrusted. Out: rows of
// rules, in pc order. Every instruction consumes input and moves forward, so the work is bounded by the
// bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "bpf/wire.h"
#include "harness/capture/unwind/cfi_section.h"

namespace leakgate::capture {

/// Collects rows in ascending pc, merging equal neighbours.
class RowSink {
 public:
  explicit RowSink(std::vector<lg_row>& rows, std::size_t max_rows) : rows_(rows), max_rows_(max_rows) {}

  /// From `pc` on, `rule` holds. `pc` is never below the last one given.
  void put(std::uint32_t pc, std::uint32_t rule) {
    if (!rows_.empty()) {
      if (rows_.back().pc == pc) rows_.pop_back();
      if (!rows_.empty() && rows_.back().rule == rule) return;
    }
    if (rows_.size() < max_rows_) {
      rows_.push_back({pc, rule});
    } else {
      overflow_ = true;
    }
  }

  [[nodiscard]] bool overflow() const { return overflow_; }

 private:
  std::vector<lg_row>& rows_;
  std::size_t max_rows_;
  bool overflow_ = false;
};

/// Runs a CIE's initial instructions into `common.initial`; false when they are malformed.
bool run_initial_instructions(ByteReader instructions, const CfiBytes& bytes, CfiCommon& common);

/// Runs `range`'s instructions and puts its rows for [range.start, end), end <= range.end, with `base`
/// subtracted from every pc. From a malformed instruction on, the row is LG_RULE_UNSUPPORTED.
void put_range_rows(const CfiSection& section, const CfiRange& range, std::uint64_t end, std::uint64_t base,
                    RowSink& sink);

/// Puts rows for the procedure linkage table [start, end), 16-byte entries, where from `pushed` bytes into
/// each entry one more word is on the stack.
void put_plt_rows(std::uint64_t start, std::uint64_t end, std::uint64_t base, std::uint8_t pushed,
                  RowSink& sink);

}  // namespace leakgate::capture
