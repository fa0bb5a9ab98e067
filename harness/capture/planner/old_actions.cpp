// SPDX-License-Identifier: Apache-2.0
// The frameworks' by their names. The C library's, which has none, by its code: in system() the third
// argument of sigaction() is a fixed address. What the function hands on to by a jump is part of it.
#include "harness/capture/planner/old_actions.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "harness/capture/planner/x86_instruction.h"

namespace leakgate::capture {
namespace {

constexpr std::uint64_t kActionBytes = 152;  // struct sigaction
constexpr std::uint64_t kMostActions = 64;
constexpr std::size_t kSearchedBytes = 2048;  // of a function; do_system() takes 1,136 in glibc 2.36
constexpr std::size_t kFewestBytes = 256;     // where less than that is left of the segment
constexpr ArgumentSet kThirdArgument = 1 << 2;

/// Catch2 3 and 2, doctest; with link time optimisation a suffix follows.
constexpr std::array<std::string_view, 3> kFrameworks{
    "_ZN5CatchL13oldSigActionsE", "_ZN5Catch21FatalConditionHandler13oldSigActionsE",
    "_ZN7doctest12_GLOBAL__N_121FatalConditionHandler13oldSigActionsE"};
constexpr std::string_view kPrivate = ".lto_priv.0";

bool is_data(const ElfImage& image, std::uint64_t vaddr, std::uint64_t bytes) {
  return std::any_of(image.segments().begin(), image.segments().end(), [&](const LoadSegment& segment) {
    return segment.writable && vaddr >= segment.vaddr && bytes <= segment.memory_size_bytes &&
           vaddr - segment.vaddr <= segment.memory_size_bytes - bytes;
  });
}

void add_framework(const ElfImage& image, const std::string& name, std::vector<model::MemoryRange>& found) {
  const auto actions = image.find(name);
  if (!actions || actions->size_bytes == 0 || actions->size_bytes % kActionBytes != 0 ||
      actions->size_bytes > kMostActions * kActionBytes ||
      !is_data(image, actions->vaddr, actions->size_bytes))
    return;
  found.push_back({actions->vaddr, actions->vaddr + actions->size_bytes});
}

/// Reads the code from `start` on in the order of addresses, whichever way it is run through.
class SystemSearch {
 public:
  SystemSearch(const ElfImage& image, std::uint64_t sigaction) : image_(image), sigaction_(sigaction) {}

  /// Where the code leads by jumps that leave it.
  std::vector<std::uint64_t> search(std::uint64_t start, std::uint64_t end,
                                    std::vector<model::MemoryRange>& found) const {
    std::vector<std::uint64_t> jumps;
    auto code = image_.read_code(start, end - start);
    if (!code) code = image_.read_code(start, kFewestBytes);
    if (!code) return jumps;
    std::uint64_t third = 0;  // 0: not known
    for (std::size_t at = 0; at < code->size();) {
      const auto instruction = decoder_.decode(std::span(*code).subspan(at), start + at);
      if (!instruction || instruction->length_bytes == 0) break;
      at += instruction->length_bytes;
      if (instruction->flow == Flow::call) {
        if (third != 0 && instruction->target == sigaction_ && is_data(image_, third, kActionBytes))
          found.push_back({third, third + kActionBytes});
        third = 0;
        continue;
      }
      if (instruction->written_arguments & kThirdArgument) third = instruction->address_taken.value_or(0);
      const bool leaves = instruction->flow == Flow::jump && instruction->target &&
                          (*instruction->target < start || *instruction->target >= end);
      if (leaves) jumps.push_back(*instruction->target);
    }
    return jumps;
  }

 private:
  const ElfImage& image_;
  std::uint64_t sigaction_;
  const InstructionDecoder decoder_;
};

void add_system(const ElfImage& image, std::vector<model::MemoryRange>& found) {
  const auto system = image.find("system");
  const auto sigaction = system ? image.find("sigaction") : std::nullopt;
  if (!sigaction || system->kind != SymbolKind::function || sigaction->kind != SymbolKind::function) return;
  const SystemSearch search(image, sigaction->vaddr);
  const std::uint64_t bytes = std::min<std::uint64_t>(system->size_bytes, kSearchedBytes);
  if (bytes == 0) return;
  for (const std::uint64_t jump : search.search(system->vaddr, system->vaddr + bytes, found)) {
    // the function behind the jump stands right before this one, where the compiler has put it, or elsewhere
    const bool before = jump < system->vaddr && system->vaddr - jump <= kSearchedBytes;
    search.search(jump, before ? system->vaddr : jump + kSearchedBytes, found);
  }
}

}  // namespace

std::vector<model::MemoryRange> find_old_actions(const ElfImage& image) {
  std::vector<model::MemoryRange> found;
  for (const std::string_view name : kFrameworks)
    for (const std::string_view suffix : {std::string_view(), kPrivate})
      add_framework(image, std::string(name).append(suffix), found);
  add_system(image, found);
  const auto before = [](const model::MemoryRange& a, const model::MemoryRange& b) {
    return a.start < b.start;
  };
  const auto same = [](const model::MemoryRange& a, const model::MemoryRange& b) {
    return a.start == b.start;
  };
  std::sort(found.begin(), found.end(), before);
  found.erase(std::unique(found.begin(), found.end(), same), found.end());
  return found;
}

}  // namespace leakgate::capture
