// SPDX-License-Identifier: Apache-2.0
// Rows are read when they are asked for, or when their process's region goes.
#include "harness/capture/preload/stack_ids.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <span>

namespace leakgate::capture {

template <typename Row>
bool StackIds::Table<Row>::read(const SharedFile& file, std::uint32_t of, std::uint64_t number,
                                std::span<Row> rows) const {
  const auto out = std::as_writable_bytes(rows);
  const std::uint64_t offset = number * sizeof(Row);
  if (of != process || !view || offset + out.size() > view->bytes().size())
    return file.read(of, at + offset, out);
  std::memcpy(out.data(), view->bytes().data() + offset, out.size());
  return true;
}

template <typename Row>
Row StackIds::Table<Row>::get(const SharedFile& file, std::uint32_t of, std::uint32_t number) const {
  Row row{};
  read(file, of, number, std::span(&row, 1));
  return row;
}

template <typename Row>
void StackIds::Table<Row>::show(const SharedFile& file, std::uint32_t of, std::uint64_t rows) {
  process = of;
  view.emplace(file.view(of, at, rows * sizeof(Row)));
}

StackIds::Stack& StackIds::stack_of(std::uint32_t process, std::uint32_t number, std::uint32_t& id) {
  const auto [found, fresh] = ids_.emplace(std::uint64_t{process} << 32 | number, 0);
  if (fresh) {
    stacks_.push_back({process, number, false, std::nullopt});
    found->second = static_cast<std::uint32_t>(stacks_.size());
  }
  id = found->second;
  return stacks_[id - 1];
}

std::uint32_t StackIds::id(std::uint32_t process, std::uint32_t stack) {
  std::uint32_t id = 0;
  if (stack != 0) stack_of(process, stack, id).is_referred_to = true;
  return id;
}

void StackIds::add_all(std::uint32_t process) {
  const auto region = file_->get<preload::Region>(process, 0);
  std::uint32_t id = 0;
  for (std::uint32_t number = 1; number <= region.stacks && number < preload::kMaxStacks; ++number)
    stack_of(process, number, id);
}

bool StackIds::read_words(std::uint32_t process, std::uint64_t place, std::span<std::uint64_t> words) const {
  if (place == 0 || place + words.size() > preload::kFrameWords) return false;
  return frames_.read(*file_, process, place, words);
}

std::optional<std::vector<std::uint64_t>> StackIds::read_frames(std::uint32_t process,
                                                                std::uint32_t place) const {
  std::vector<std::uint64_t> frames;
  std::uint32_t wanted = ~0u;  // of the stack at `place`, from the outermost one on; all of the first
  // each has a frame of its own that is wanted, unless somebody wrote over them
  constexpr std::uint32_t kMostHeads = 4 * LG_MAX_FRAMES;
  for (std::uint32_t heads = 0; place != 0 && wanted != 0; ++heads) {
    if (heads > kMostHeads) return std::nullopt;
    std::uint64_t word = 0;
    if (!read_words(process, place, std::span(&word, 1))) return std::nullopt;
    const auto head = std::bit_cast<preload::FrameHead>(word);
    const std::uint32_t depth = std::uint32_t{head.shared} + head.count;
    if (wanted == ~0u) wanted = depth;
    if (depth == 0 || depth > LG_MAX_FRAMES || wanted > depth || head.outer >= place) return std::nullopt;
    if (wanted > head.shared) {
      std::vector<std::uint64_t> own(wanted - head.shared);
      if (!read_words(process, std::uint64_t{place} + 1, own)) return std::nullopt;
      frames.insert(frames.end(), own.rbegin(), own.rend());
      wanted = head.shared;
    }
    place = head.outer;
  }
  const bool whole = wanted == 0 && std::find(frames.begin(), frames.end(), 0) == frames.end();
  return whole ? std::optional(std::move(frames)) : std::nullopt;
}

StackRow StackIds::read(const Stack& stack) const {
  StackRow row;
  row.counters = slots_.get(*file_, stack.process, stack.number).stack;
  const auto damaged = [&] {
    damaged_.insert(std::uint64_t{stack.process} << 32 | stack.number);
    return StackRow();
  };
  if (row.counters.function == LG_FN_none && row.counters.node == 0)
    return stack.is_referred_to ? damaged() : StackRow();
  if (file_->process(stack.process).many != 0) {
    const auto share = shares_.get(*file_, stack.process, stack.number);
    row.counters.frees += share.frees;
    for (std::size_t i = 0; i < std::size(share.lifetime_log2_ms); ++i)
      row.counters.lifetime_log2_ms[i] += share.lifetime_log2_ms[i];
  }
  if (row.counters.node != 0) {
    auto frames = read_frames(stack.process, row.counters.node);
    if (!frames) return damaged();
    row.frames = std::move(*frames);
  }
  const auto freed_by = ids_.find(std::uint64_t{stack.process} << 32 | row.counters.freed_by);
  row.counters.freed_by = freed_by == ids_.end() ? 0 : freed_by->second;
  return row;
}

Result<StackRow> StackIds::row(std::uint32_t id) const {
  const Error unknown{ErrorKind::internal, "a block refers to a stack that does not exist", "", 0};
  if (id == 0 || id > stacks_.size()) return unknown;
  const Stack& stack = stacks_[id - 1];
  return stack.kept ? *stack.kept : read(stack);
}

void StackIds::keep(std::uint32_t process) {
  // what was never written, and would be made by a look at it, is behind these
  const auto region = file_->get<preload::Region>(process, 0);
  const std::uint32_t stacks = std::min(region.stacks, preload::kMaxStacks - 1);
  constexpr std::ptrdiff_t kWorthAView = 256;  // to map and unmap takes as long as so many reads
  const auto wanted = std::count_if(stacks_.begin(), stacks_.end(), [&](const Stack& stack) {
    return stack.process == process && !stack.kept;
  });
  if (wanted >= kWorthAView) {
    frames_.show(*file_, process, std::min(region.frame_words, preload::kFrameWords - 1) + 1);
    slots_.show(*file_, process, stacks + std::uint64_t{1});
  }
  // where blocks of some were freed: stacks of their own, of which nothing was freed again
  for (std::size_t i = 0, count = stacks_.size(); i < count; ++i) {
    if (stacks_[i].process != process || stacks_[i].kept) continue;
    const std::uint32_t freed_by = slots_.get(*file_, process, stacks_[i].number).stack.freed_by;
    std::uint32_t id = 0;
    if (freed_by != 0 && freed_by <= stacks) stack_of(process, freed_by, id);
  }
  for (Stack& stack : stacks_)
    if (stack.process == process && !stack.kept) stack.kept = read(stack);
  frames_.view.reset();
  slots_.view.reset();
}

}  // namespace leakgate::capture
