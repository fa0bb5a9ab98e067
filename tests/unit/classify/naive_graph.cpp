// SPDX-License-Identifier: Apache-2.0
// Quadratic and worse: every word against every block, every pair of blocks against every third.
#include "naive_graph.h"

namespace leakgate::classify::testing {
namespace {

enum class Link { none, interior, definite, at_start };

class Naive {
 public:
  explicit Naive(const Heap& heap) : heap_(heap), blocks_(heap.blocks()), read_(heap.reader()) {}

  std::map<std::uint32_t, NaiveBlock> run() {
    const std::size_t n = blocks_.size();
    std::vector<Link> root(n, Link::none);
    std::vector<std::vector<Link>> link(n, std::vector<Link>(n, Link::none));
    std::vector<bool> self(n, false);
    for (std::size_t b = 0; b < n; ++b) {
      from_range(blocks_[b].address, blocks_[b].address + blocks_[b].size_bytes, link[b], false);
      self[b] = link[b][b] >= Link::definite && points_at_own_start(b);
    }
    for (const RootRange& range : heap_.ranges())
      from_range(range.start, range.end, root, true);
    for (const RootWords& words : heap_.words()) {
      for (const std::uint64_t word : words.words)
        from_word(word, root);
    }
    return conclude(root, link, self);
  }

 private:
  std::optional<std::uint64_t> word_at(std::uint64_t address) const {
    std::uint64_t word = 0;
    if (read_(address, std::as_writable_bytes(std::span(&word, 1))) != 8) return std::nullopt;
    return word;
  }

  void from_range(std::uint64_t start, std::uint64_t end, std::vector<Link>& links, bool root) const {
    for (std::uint64_t at = (start + 7) / 8 * 8; at + 8 <= end; at += 8) {
      bool in_block = false;
      for (const LiveBlock& block : blocks_) {
        in_block = in_block || (at + 8 > block.address && at < block.address + block.size_bytes);
      }
      if (root && in_block) continue;  // module data and mappings only, in these tests
      if (const auto word = word_at(at)) from_word(*word, links);
    }
  }

  void from_word(std::uint64_t word, std::vector<Link>& links) const {
    const std::uint64_t masked = word & heap_.options.pointer_mask;
    std::optional<std::size_t> by_word;
    std::optional<std::size_t> by_masked;
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      if (link_to(b, word) != Link::none || past_eight(b, word)) by_word = b;
      if (link_to(b, masked) != Link::none || past_eight(b, masked)) by_masked = b;
    }
    // A block that begins at the word is what it means, not the one that ends there.
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      if (blocks_[b].address == word) by_word = b;
      if (blocks_[b].address == masked) by_masked = b;
    }
    std::uint64_t meant = word;
    std::optional<std::size_t> target = by_word;
    if (by_masked && !(by_word && blocks_[*by_word].address == word)) {
      meant = masked;
      target = by_masked;
    }
    if (!target) return;
    const Link link = link_to(*target, meant);
    if (link > links[*target]) links[*target] = link;
  }

  bool past_eight(std::size_t b, std::uint64_t word) const {
    return blocks_[b].size_bytes == 8 && word == blocks_[b].address + 8;
  }

  bool is_vtable(std::uint64_t word) const {
    return word % 8 == 0 && word >= kVtables && word < kVtables + 4096;
  }

  Link link_to(std::size_t b, std::uint64_t word) const {
    const std::uint64_t start = blocks_[b].address;
    const std::uint64_t size = blocks_[b].size_bytes;
    if (word == start) return Link::at_start;
    const std::uint64_t first = start % 8 == 0 && size >= 8 ? word_at(start).value_or(0) : 0;
    const bool first_known = start % 8 == 0 && size >= 8 && word_at(start).has_value();
    if (past_eight(b, word)) return first_known && first == 0 ? Link::definite : Link::none;
    if (word < start || word >= start + size) return Link::none;
    if (heap_.options.interior == InteriorPointers::reachable) return Link::definite;
    if (!first_known) return Link::interior;
    if (word == start + 8 && first != 0 && (size - 8) % first == 0) return Link::definite;
    if (word == start + 24 && size >= 25) {
      const auto capacity = word_at(start + 8);
      if (capacity && 24 + *capacity + 1 == size && first <= *capacity) return Link::definite;
    }
    if (word % 8 == 0 && word + 8 <= start + size && is_vtable(first)) {
      const auto inner = word_at(word);
      if (inner && is_vtable(*inner)) return Link::definite;
    }
    return Link::interior;
  }

  bool points_at_own_start(std::size_t b) const {
    for (std::uint64_t at = (blocks_[b].address + 7) / 8 * 8;
         at + 8 <= blocks_[b].address + blocks_[b].size_bytes; at += 8) {
      const auto word = word_at(at);
      if (!word) continue;
      if (*word == blocks_[b].address) return true;
      if ((*word & heap_.options.pointer_mask) == blocks_[b].address && !begins_a_block(*word)) return true;
    }
    return false;
  }

  bool begins_a_block(std::uint64_t word) const {
    for (const LiveBlock& block : blocks_) {
      if (block.address == word) return true;
    }
    return false;
  }

  std::map<std::uint32_t, NaiveBlock> conclude(const std::vector<Link>& root,
                                               const std::vector<std::vector<Link>>& link,
                                               const std::vector<bool>& self) const {
    const std::size_t n = blocks_.size();
    constexpr std::size_t kFar = ~std::size_t{0};
    std::vector<std::size_t> distance(n, kFar);
    std::vector<bool> touched(n, false);
    for (std::size_t b = 0; b < n; ++b) {
      if (root[b] >= Link::definite) distance[b] = 1;
      touched[b] = root[b] != Link::none;
    }
    for (std::size_t round = 0; round < n; ++round) {
      for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) {
          if (link[a][b] >= Link::definite && distance[a] != kFar)
            distance[b] = std::min(distance[b], distance[a] + 1);
          if (link[a][b] != Link::none && touched[a]) touched[b] = true;
        }
      }
    }
    std::vector<std::vector<bool>> path(n, std::vector<bool>(n, false));  // among blocks that nothing touches
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = 0; b < n; ++b)
        path[a][b] = !touched[a] && !touched[b] && link[a][b] != Link::none && a != b;
    }
    for (std::size_t via = 0; via < n; ++via) {
      for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) {
          if (path[a][via] && path[via][b]) path[a][b] = true;
        }
      }
    }
    std::vector<bool> held(n, false);  // by a pointer to its start in another block
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = 0; b < n; ++b) {
        if (a != b && link[a][b] == Link::at_start) held[b] = true;
      }
    }
    const auto leads = [&](std::size_t a, std::size_t b) {
      if (held[a] != held[b]) return !held[a];
      if (blocks_[a].size_bytes != blocks_[b].size_bytes)
        return blocks_[a].size_bytes > blocks_[b].size_bytes;
      return blocks_[a].address < blocks_[b].address;
    };
    std::map<std::uint32_t, NaiveBlock> result;
    for (std::size_t b = 0; b < n; ++b) {
      NaiveBlock& block = result[blocks_[b].id];
      if (distance[b] != kFar) {
        block.kind = model::Kind::still_reachable;
        block.distance = distance[b];
        continue;
      }
      if (touched[b]) {
        block.kind = model::Kind::possibly_lost;
        continue;
      }
      block.kind = model::Kind::definitely_lost;
      std::uint64_t lowest = blocks_[b].address;
      bool cycle = self[b];
      for (std::size_t a = 0; a < n; ++a) {
        if (a == b || !path[a][b]) continue;
        if (path[b][a]) {
          cycle = true;
          lowest = std::min(lowest, blocks_[a].address);
          if (leads(a, b)) block.kind = model::Kind::indirectly_lost;
        } else {
          block.kind = model::Kind::indirectly_lost;
        }
      }
      if (cycle) block.cycle = lowest;
    }
    return result;
  }

  const Heap& heap_;
  const std::vector<LiveBlock>& blocks_;
  ReadMemory read_;
};

}  // namespace

std::map<std::uint32_t, NaiveBlock> classify_naively(const Heap& heap) {
  return Naive(heap).run();
}

}  // namespace leakgate::classify::testing
