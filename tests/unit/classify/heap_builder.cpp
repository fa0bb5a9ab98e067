// SPDX-License-Identifier: Apache-2.0
// Pages of made-up memory by number.
#include "heap_builder.h"

#include <algorithm>
#include <cstring>

namespace leakgate::classify::testing {
namespace {
constexpr std::uint64_t kPage = 4096;
}

std::byte* Heap::page_of(std::uint64_t address) {
  std::vector<std::byte>& page = pages_[address / kPage];
  page.resize(kPage);
  return page.data();
}

std::uint32_t Heap::block(std::uint64_t size_bytes) {
  const std::uint32_t id = block_at(next_block_, size_bytes);
  next_block_ += (size_bytes + 15) / 16 * 16 + 16;
  return id;
}

std::uint32_t Heap::block_at(std::uint64_t address, std::uint64_t size_bytes) {
  const auto id = static_cast<std::uint32_t>(blocks_.size());
  blocks_.push_back({address, size_bytes, id});
  for (std::uint64_t page = address / kPage; page <= (address + size_bytes) / kPage; ++page)
    page_of(page * kPage);
  return id;
}

void Heap::put(std::uint32_t block, std::uint64_t offset, std::uint64_t word) {
  put_at(address(block) + offset, word);
}

void Heap::put_at(std::uint64_t address, std::uint64_t word) {
  for (std::size_t i = 0; i < sizeof(word); ++i) {
    page_of(address + i)[(address + i) % kPage] = static_cast<std::byte>(word >> (8 * i));
  }
}

std::uint32_t Heap::root(std::vector<std::uint64_t> words, RootKind kind) {
  const std::uint64_t start = next_root_;
  for (const std::uint64_t word : words) {
    put_at(next_root_, word);
    next_root_ += 8;
  }
  const std::uint64_t end = next_root_;
  next_root_ = (next_root_ / kPage + 1) * kPage;
  return root_over(start, end, kind);
}

std::uint32_t Heap::root_over(std::uint64_t start, std::uint64_t end, RootKind kind) {
  const auto number = static_cast<std::uint32_t>(ranges_.size());
  ranges_.push_back({start, end, kind, number});
  return number;
}

ReadMemory Heap::reader() const {
  return [this](std::uint64_t address, std::span<std::byte> out) {
    std::size_t done = 0;
    while (done < out.size()) {
      const std::uint64_t at = address + done;
      const auto page = pages_.find(at / kPage);
      if (page == pages_.end() || unreadable_.count(at / kPage)) break;
      const std::size_t count = std::min<std::size_t>(out.size() - done, kPage - at % kPage);
      std::memcpy(out.data() + done, page->second.data() + at % kPage, count);
      done += count;
    }
    return done;
  };
}

ClassifiedBlocks Heap::classify() const {
  GraphOptions all = options;
  if (!all.is_vtable) {
    all.is_vtable = [](std::uint64_t address) { return address >= kVtables && address < kVtables + kPage; };
  }
  return classify_graph(blocks_, ranges_, words_, reader(), all);
}

Chain Heap::chain(const ClassifiedBlocks& classified, std::uint32_t block, std::size_t max_steps) const {
  return chain_of(classified, position(classified, block), reader(), options, max_steps);
}

std::size_t position(const ClassifiedBlocks& classified, std::uint32_t id) {
  std::size_t i = 0;
  while (i < classified.size() && classified.id(i) != id)
    ++i;
  return i;
}

std::string kinds(const ClassifiedBlocks& classified) {
  std::string text(classified.size(), '?');
  for (std::size_t i = 0; i < classified.size(); ++i) {
    text[classified.id(i)] = "DIPRU"[static_cast<std::size_t>(classified.kind(i))];
  }
  return text;
}

}  // namespace leakgate::classify::testing
