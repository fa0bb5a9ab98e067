// SPDX-License-Identifier: Apache-2.0
// What a report has made of stack frames before: 100,000 leaks share many of theirs, but by far not all, so a
// text is kept from the second time on that its frame is met.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/base/json_writer.h"
#include "harness/model/verdict.h"
#include "harness/report/one_line.h"

namespace leakgate::report {

/// A number for each frame of the table that the leaks of a verdict share, 0 at first.
class FrameSlots {
 public:
  /// That of the frame at `index`; nullptr if it is of no table, or of another than the first one asked
  /// about.
  std::uint32_t* find(const model::LeakStack& stack, std::size_t index) {
    if (table_ == nullptr && stack.table() != nullptr) {
      table_ = stack.table();
      slots_.resize(table_->frames.size());
    }
    const std::uint32_t number = stack.number(index);
    return stack.table() == table_ && number < slots_.size() ? &slots_[number] : nullptr;
  }

 private:
  const model::StackTable* table_ = nullptr;
  std::vector<std::uint32_t> slots_;
};

/// Texts of frames. What is made of a frame must depend on the frame alone.
class FrameMemo {
 public:
  /// Appends to `out` what make(frame, out) appends for the frame at `index`.
  template <typename Make>
  void append(std::string& out, const model::LeakStack& stack, std::size_t index, Make make) {
    std::uint32_t* const slot = slots_.find(stack, index);
    if (slot != nullptr && *slot >= kKept) {
      out += texts_[*slot - kKept];
      return;
    }
    const std::size_t before = out.size();
    make(stack[index], out);
    if (is_worth_keeping(slot)) keep(*slot, out.substr(before));
  }

  /// Writes to `out` the object that write(frame, JsonWriter&) writes for the frame at `index`.
  template <typename Write>
  void write(JsonWriter& out, const model::LeakStack& stack, std::size_t index, Write write) {
    std::uint32_t* const slot = slots_.find(stack, index);
    if (slot != nullptr && *slot >= kKept) return out.raw(texts_[*slot - kKept]);
    if (!is_worth_keeping(slot)) return write(stack[index], out);
    out.raw(keep(*slot, one_line([&](JsonWriter& one) { write(stack[index], one); })));
  }

 private:
  static constexpr std::uint32_t kMet = 1, kKept = 2;  ///< from kKept on: the text's number
  static constexpr std::size_t kMost = 50000;

  /// False for a frame that is met for the first time.
  bool is_worth_keeping(std::uint32_t* slot) const {
    if (slot == nullptr || texts_.size() >= kMost) return false;
    if (*slot == kMet) return true;
    *slot = kMet;
    return false;
  }
  const std::string& keep(std::uint32_t& slot, std::string text) {
    slot = kKept + static_cast<std::uint32_t>(texts_.size());
    return texts_.emplace_back(std::move(text));
  }

  FrameSlots slots_;
  std::vector<std::string> texts_;
};

}  // namespace leakgate::report
