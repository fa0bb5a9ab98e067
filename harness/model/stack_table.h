// SPDX-License-Identifier: Apache-2.0
// The stacks of a recording as a verdict refers to them: one table of frames that all leaks share, and the
// view of one stack in it. A run may have 100,000 leaks of 24 frames each; their texts are held once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string_view>
#include <vector>

#include "harness/model/recording.h"

namespace leakgate::model {

/// A stack frame as reports print it: no indexes left. Its texts belong to the table it was taken from.
struct VerdictFrame {
  std::string_view function;
  std::string_view full_function;
  std::string_view file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  bool inlined = false;
  std::string_view module;
  std::uint64_t offset = 0;
};

/// What the stacks of a recording are made of; indexes as in Recording.
struct StackTable {
  std::vector<Module> modules;
  std::vector<Frame> frames;
  std::vector<Stack> stacks;
};

/// One stack of a table, innermost frame first; empty if it is of no table or has no row there.
class LeakStack {
 public:
  LeakStack() = default;
  LeakStack(std::shared_ptr<const StackTable> table, std::uint32_t row);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// The frame at `index`, which must be below size(); valid as long as this stack or the verdict is.
  [[nodiscard]] VerdictFrame operator[](std::size_t index) const;
  /// The number of that frame in table(), which stacks that share it have in common.
  [[nodiscard]] std::uint32_t number(std::size_t index) const { return row()->frames[index]; }
  /// nullptr: the stack is of none.
  [[nodiscard]] const StackTable* table() const { return table_.get(); }
  /// Why its outer frames are missing; empty if none are.
  [[nodiscard]] bool truncated() const;
  [[nodiscard]] std::string_view truncated_reason() const;
  /// What became of all blocks allocated here, and of those of the rows that were added; nullptr for an empty
  /// stack. Nothing but the counts is of them all.
  [[nodiscard]] const Stack* history() const { return together_ != nullptr ? together_.get() : row(); }
  /// Counts the blocks of another row of the table with those of this one: a stack that a report cannot tell
  /// from it, such as that of a line that the compiler has made into several calls.
  void add_history(std::uint32_t row);
  /// Takes the frames of another row of the table. What history() counts stays.
  void show(std::uint32_t row);
  /// Where the first of the freed ones was freed; empty if none was.
  [[nodiscard]] LeakStack freed_by() const {
    return row() == nullptr ? LeakStack() : LeakStack(table_, row()->freed_by);
  }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = VerdictFrame;
    using difference_type = std::ptrdiff_t;
    using pointer = const VerdictFrame*;
    using reference = VerdictFrame;

    Iterator(const LeakStack& stack, std::size_t index) : stack_(&stack), index_(index) {}
    VerdictFrame operator*() const { return (*stack_)[index_]; }
    Iterator& operator++() { return ++index_, *this; }
    bool operator==(const Iterator& other) const { return index_ == other.index_; }

   private:
    const LeakStack* stack_;
    std::size_t index_;
  };
  [[nodiscard]] Iterator begin() const { return {*this, 0}; }
  [[nodiscard]] Iterator end() const { return {*this, size()}; }

 private:
  [[nodiscard]] const Stack* row() const {
    return table_ != nullptr && row_ < table_->stacks.size() ? &table_->stacks[row_] : nullptr;
  }

  std::shared_ptr<const StackTable> table_;
  std::uint32_t row_ = kNone;
  std::shared_ptr<const Stack> together_;  ///< null: of the row alone
};

}  // namespace leakgate::model
