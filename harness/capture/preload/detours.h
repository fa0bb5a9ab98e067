// SPDX-License-Identifier: Apache-2.0
// Detours: a jump at the entry of a function to a piece of code that calls the preloaded library and then
// does what the function's first instructions did. All that depends on the processor is in this part. In: an
// object's code. Out: bytes to be written into a process that maps it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/elf_image.h"
#include "harness/base/result.h"

namespace leakgate::capture {

/// An instruction at the start of a function that has to be done elsewhere.
struct MovedInstruction {
  std::vector<std::uint8_t> bytes;   ///< as they stand in the file
  std::uint8_t displacement_at = 0;  ///< where a 32-bit distance from the instruction's end stands; 0: none
  std::optional<std::uint64_t> branch;  ///< a direct jump or branch: where to, in the object's address space
  std::uint8_t condition = 0;           ///< of a branch: 0x80 to 0x8f; 0: always
  std::uint64_t returns_to = 0;         ///< of a call: the address behind it; 0: no call
  bool ends = false;                    ///< nothing follows it
};

/// A detour that can be made at a function.
struct Detour {
  std::uint64_t vaddr = 0;           ///< of the function
  std::uint32_t offset = 0;          ///< of the jump, behind instructions that stay where they are
  std::uint32_t sp_words = 0;        ///< by which those have moved the stack pointer down
  std::vector<std::uint32_t> tells;  ///< what it tells the library, one after the other
  bool wraps = false;                ///< an allocation function, done by the library instead
  bool releases = false;             ///< of those, one that frees
  std::uint64_t cookie = 0;          ///< of those, how its arguments are read
  std::uint32_t length = 0;          ///< bytes of the function that the jump replaces, 5 at least
  std::vector<MovedInstruction> moved;
};

/// Plans a detour at `vaddr`, which tells nothing yet; behind the first instructions, unless it has to be
/// `at_entry`, where there it replaces one instruction alone. Fails (unsupported) where the first
/// instructions cannot be moved.
Result<Detour> plan_detour(const ElfImage& image, std::uint64_t vaddr, bool at_entry);

/// The jump that `detour` begins with, for code at `stub`.
std::vector<std::uint8_t> jump_to(std::uint64_t from, std::uint64_t to, std::uint32_t length);

/// Where the library is entered.
struct LibraryEntries {
  std::uint64_t hook = 0;
  std::uint64_t site = 0;
  std::uint64_t site_free = 0;
};

/// Code for all of `detours` of an object mapped with `bias`, to be placed at `address`; the library is
/// entered at `entries`. `stubs` gets the address at which each one begins. Fails (unsupported) where
/// something is too far away.
Result<std::vector<std::uint8_t>> build_stubs(std::span<const Detour> detours, std::uint64_t bias,
                                              std::uint64_t address, const LibraryEntries& entries,
                                              std::vector<std::uint64_t>& stubs);

/// Bytes that build_stubs() will need at most.
std::uint64_t stub_room(std::span<const Detour> detours);

}  // namespace leakgate::capture
