// SPDX-License-Identifier: Apache-2.0
// StackIds: one series of ids for the stacks of all processes, each of which has its own table.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "harness/base/result.h"
#include "harness/capture/preload/shared_file.h"
#include "harness/capture/session.h"

namespace leakgate::capture {

class StackIds {
 public:
  explicit StackIds(std::shared_ptr<SharedFile> file) : file_(std::move(file)) {}

  /// The id of the stack that a block of the process refers to; 0 for none.
  std::uint32_t id(std::uint32_t process, std::uint32_t stack);
  /// Gives ids to all stacks of a process, those without blocks included.
  void add_all(std::uint32_t process);
  [[nodiscard]] std::uint64_t count() const { return stacks_.size(); }
  /// Fails (internal) for an id that was never given.
  [[nodiscard]] Result<StackRow> row(std::uint32_t id) const;
  /// Stacks that cannot be what the library wrote, and are told as unknown.
  [[nodiscard]] std::uint64_t damaged() const { return damaged_.size(); }
  /// Reads what is known of a process's stacks, which is about to go.
  void keep(std::uint32_t process);

 private:
  struct Stack {
    std::uint32_t process = 0;
    std::uint32_t number = 0;
    bool is_referred_to = false;  ///< else it may be one whose making was interrupted
    std::optional<StackRow> kept;
  };
  Stack& stack_of(std::uint32_t process, std::uint32_t number, std::uint32_t& id);
  /// A table of one process, in view while its stacks are kept; else a row is read when it is asked for.
  template <typename Row>
  struct Table {
    std::uint64_t at;  ///< in the process's region
    std::uint32_t process = ~0u;
    std::optional<RegionView> view{};

    /// Reads rows, which the process may change meanwhile; false: they cannot be read.
    bool read(const SharedFile& file, std::uint32_t of, std::uint64_t number, std::span<Row> rows) const;
    [[nodiscard]] Row get(const SharedFile& file, std::uint32_t of, std::uint32_t number) const;
    void show(const SharedFile& file, std::uint32_t of, std::uint64_t rows);
  };
  [[nodiscard]] bool read_words(std::uint32_t process, std::uint64_t place,
                                std::span<std::uint64_t> words) const;
  /// Innermost first; nothing: they cannot be what the library wrote.
  [[nodiscard]] std::optional<std::vector<std::uint64_t>> read_frames(std::uint32_t process,
                                                                      std::uint32_t place) const;
  [[nodiscard]] StackRow read(const Stack& stack) const;

  std::shared_ptr<SharedFile> file_;
  std::vector<Stack> stacks_;  ///< by id - 1
  std::unordered_map<std::uint64_t, std::uint32_t> ids_;
  mutable std::set<std::uint64_t> damaged_;
  Table<std::uint64_t> frames_{preload::kFramesAt};
  Table<preload::StackSlot> slots_{preload::kStacksAt};
  Table<preload::StackShare> shares_{preload::kSharesAt};
};

}  // namespace leakgate::capture
