// SPDX-License-Identifier: Apache-2.0
// walk(): unwinds a stack over UnwindTable rows in user space, step for step as the eBPF program does. In:
// three registers, and a WalkSpace that reads memory and finds modules. Out: pcs, innermost first, and why
// the walk ended.
#pragma once

#include <array>
#include <cstdint>

#include "bpf/wire.h"
#include "harness/capture/unwind/unwind_table.h"

namespace leakgate::capture {

/// The registers a walk starts from.
struct WalkRegisters {
  std::uint64_t rip = 0;
  std::uint64_t rsp = 0;
  std::uint64_t rbp = 0;
};

/// A module as mapped: addresses in [start, end) belong to it, and address - bias is in the module's own
/// address space.
struct MappedModule {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t bias = 0;
  const UnwindTable* table = nullptr;  ///< nullptr or empty: no CFI
};

/// Why a walk ended; everything but `complete` means the stack is truncated.
enum class WalkEnd : std::uint8_t {
  complete,     ///< the outermost frame was reached
  depth,        ///< LG_MAX_FRAMES frames, and there are more
  no_module,    ///< the pc is in no known module, and frame pointers did not help
  no_cfi,       ///< no row covers the pc, and frame pointers did not help
  unsupported,  ///< LG_RULE_UNSUPPORTED
  bad_memory,   ///< a word of the stack could not be read
  bad_frame,    ///< the CFA is unaligned or does not lie above the stack pointer
};

/// What the walk may ask about the process.
class WalkSpace {
 public:
  virtual ~WalkSpace() = default;
  /// Reads the 8 bytes at `address`; false when they cannot be read.
  virtual bool read_word(std::uint64_t address, std::uint64_t& word) = 0;
  /// The module `pc` lies in, nullptr when in none; must stay valid until the walk ends.
  virtual const MappedModule* find_module(std::uint64_t pc) = 0;
};

struct WalkedStack {
  /// frames[0] is the starting rip, the others return addresses (or interrupted pcs above a signal
  /// trampoline), unadjusted.
  std::array<std::uint64_t, LG_MAX_FRAMES> frames;
  /// Where each frame begins: it has the stack up to where the next begins.
  std::array<std::uint64_t, LG_MAX_FRAMES> stack_pointers;
  std::array<bool, LG_MAX_FRAMES> exact;  ///< frames[i] is no return address
  std::uint32_t count = 0;
  WalkEnd end = WalkEnd::complete;
};

/// Walks from `registers`. Fills frames[0 .. count), count >= 1; allocates nothing and calls nothing but
/// `space`, so it may run inside an allocator.
void walk(const WalkRegisters& registers, WalkSpace& space, WalkedStack& out);

}  // namespace leakgate::capture
