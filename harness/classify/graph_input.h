// SPDX-License-Identifier: Apache-2.0
// What the graph is made from besides the blocks: roots, a way to read memory, and options. Plain structs and
// callbacks, so that a test can make them up and the caller can fill them from a held process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "harness/classify/block_index.h"

namespace leakgate::classify {

/// Where pointers are searched first. In module_data and mapping ranges the words inside live blocks are left
/// out (an arena in .bss or in a mapping of its own is no root); a stack or tls range inside a block is a
/// root and keeps that block.
enum class RootKind : std::uint8_t { module_data, stack, registers, tls, mapping };

struct RootRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;  ///< one past; ranges with end <= start are empty
  RootKind kind = RootKind::module_data;
  std::uint32_t label = 0;  ///< the caller's own
};

/// Words that are roots without an address: the registers of a thread.
struct RootWords {
  std::uint32_t label = 0;  ///< the caller's own
  std::vector<std::uint64_t> words;
  bool hold_alone = false;  ///< the blocks that begin there are in use, and hold nothing
};

/// Reads memory at `address` into `out` and returns how many bytes it could read from the start of it: fewer
/// where the page after them is unreadable, 0 where the first is. Called from several threads at once.
using ReadMemory = std::function<std::size_t(std::uint64_t address, std::span<std::byte> out)>;

/// Whether a vtable may begin at this (word-aligned) address, as objects point at it. Called from several
/// threads at once.
using IsVtable = std::function<bool(std::uint64_t address)>;

/// Whether a pointer `offset` bytes into the block is as good as one at its start, by a rule of the caller's
/// own.
using ExplainsInterior = std::function<bool(const LiveBlock& block, std::uint64_t offset)>;

/// The first address in [from, end) that is worth reading (its page was touched); `end` if there is none.
/// From several threads.
using NextTouched = std::function<std::uint64_t(std::uint64_t from, std::uint64_t end)>;

/// Whether a word that holds the start of the block with this id, right below the word `above`, is no
/// pointer. Asked where there may be a stack. From several threads.
using IsResidue = std::function<bool(std::uint32_t id, std::uint64_t above)>;

/// Bytes behind the block with this id that may hold its pointers too. From several threads.
using SlackBytes = std::function<std::uint64_t(std::uint32_t id)>;

/// What an interior pointer makes of a block.
enum class InteriorPointers { possible, reachable };

struct GraphOptions {
  InteriorPointers interior = InteriorPointers::possible;
  bool std_string = true;  ///< pointer at +24 of a length, capacity, count header that fits the size
  bool new_array = true;   ///< pointer at +8 of a count that divides the rest (count 0: block of 8 bytes)
  bool length64 = true;    ///< pointer at +8 of the length of the rest
  bool multiple_inheritance =
      true;  ///< pointer at an inner vtable word of a block that begins with one; needs is_vtable
  bool search_tree = true;  ///< pointer at +1 of a node of tsearch()'s, in another one
  std::uint64_t pointer_mask =
      ~std::uint64_t{0};  ///< tagged pointers: the bits that are address; tried after the plain word
  IsVtable is_vtable;     ///< may be empty
  ExplainsInterior explains_interior;  ///< may be empty
  NextTouched next_touched;            ///< may be empty: all is worth reading
  IsResidue is_residue;                ///< may be empty: all words count
  SlackBytes slack;                    ///< may be empty: there are none
  unsigned threads = 0;                ///< 0: one per processor, 8 at most
  std::uint64_t edge_budget_bytes = std::uint64_t{384}
                                    << 20;  ///< pointers kept; blocks beyond are read again when needed
};

/// How the pointer that gave a block its kind points at it.
enum class Reach : std::uint8_t {
  none,        ///< no pointer from a root
  start,       ///< at its first byte
  std_string,  ///< the five heuristics
  new_array,
  length64,
  multiple_inheritance,
  search_tree,
  explained,  ///< explains_interior said so
  in_use,     ///< a stack or tls root lies inside it, or a block nested in it is reached
  interior    ///< somewhere else inside it
};

}  // namespace leakgate::classify
