// SPDX-License-Identifier: Apache-2.0
// The word in front of a block of glibc's is the size of its chunk with three flags (malloc/malloc.c, "struct
// malloc_chunk"); a chunk that is no mapping of its own reaches a word into the next one.
#include "harness/capture/hold/slack_memory.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "harness/capture/stack_reader.h"

namespace leakgate::capture {
namespace {

constexpr std::uint64_t kFlags = 7, kMapped = 2;
constexpr std::uint64_t kHeader = 16;    // bytes of a chunk in front of its block
constexpr std::uint64_t kNextWord = 8;   // bytes of the chunk behind that are the block's
constexpr std::uint64_t kMostRest = 48;  // bytes: rounding up, and what is too little for a chunk of its own
constexpr std::uint64_t kPage = 4096;

}  // namespace

bool SlackMemory::is_used() const {
  return held_.c_library_allocates &&
         std::any_of(held_.mappings.begin(), held_.mappings.end(), [&](const model::HeldMapping& mapping) {
           return mapping.module != model::kNone && modules_.asks_usable_size(mapping.module);
         });
}

bool SlackMemory::caller_asks(std::uint32_t stack_id) const {
  const auto stack = session_.stack(stack_id);
  if (!stack || stack->frames.empty()) return false;
  const model::TraceFrame caller = frame_of(stack->frames.front(), modules_.modules().size());
  return caller.module != model::kNone && modules_.asks_usable_size(caller.module);
}

std::uint64_t SlackMemory::behind(const model::HeldBlock& block) {
  const auto [known, is_new] = known_.try_emplace(block.stack, false);
  if (is_new) known->second = caller_asks(block.stack);
  if (!known->second) return 0;
  std::uint64_t head = 0;
  std::array<std::byte, sizeof head> bytes;
  if (held_.read(block.address - sizeof head, bytes) != bytes.size()) return 0;
  std::memcpy(&head, bytes.data(), sizeof head);
  const bool mapped = (head & kMapped) != 0;
  const std::uint64_t chunk = (head & ~kFlags) + (mapped ? 0 : kNextWord);
  const std::uint64_t most = mapped ? kPage : kMostRest;
  if (chunk < kHeader + block.size_bytes || chunk - kHeader - block.size_bytes > most) return 0;
  return chunk - kHeader - block.size_bytes;
}

}  // namespace leakgate::capture
