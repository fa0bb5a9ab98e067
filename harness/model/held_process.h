// SPDX-License-Identifier: Apache-2.0
// A process held at a judged moment: its threads, its address space, its outstanding blocks. Made by capture,
// which holds it; read by classify, which says what is lost. Valid only while the process is held.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/model/trace.h"

namespace leakgate::model {

/// Reads memory at `address` into `out`; how many bytes could be read from the start of it. From several
/// threads at once.
using ReadHeldMemory = std::function<std::size_t(std::uint64_t address, std::span<std::byte> out)>;
/// The first address in [from, end) whose page has content of the process's own; `end` if there is none. From
/// several threads at once.
using NextTouchedPage = std::function<std::uint64_t(std::uint64_t from, std::uint64_t end)>;

/// The frame of a thread (an index into HeldProcess::threads) in which `address` on its stack lies; of no
/// module where that cannot be told.
using FindHeldFrame = std::function<TraceFrame(std::uint32_t thread, std::uint64_t address)>;

/// Whether a word that holds the start of HeldProcess::blocks[block], right below the word `above`, is one
/// that the tracer left there. From several threads at once.
using IsResidue = std::function<bool(std::uint32_t block, std::uint64_t above)>;

/// Whether HeldProcess::blocks[block] is memory that the program's own pool hands out in pieces, so that a
/// pointer to any of them keeps it.
using IsPool = std::function<bool(std::uint32_t block)>;

/// How many bytes behind HeldProcess::blocks[block], which the allocator added, its program may use as well.
using FindSlack = std::function<std::uint64_t(std::uint32_t block)>;

/// Below the stack pointer, in use by functions that call none (System V ABI, x86-64), in bytes.
inline constexpr std::uint64_t kRedZone = 128;

struct HeldThread {
  std::int32_t tid = 0;
  std::uint64_t stack_pointer = 0;
  std::uint64_t thread_pointer = 0;      ///< of its control block (the FS base on x86-64)
  std::uint64_t signal_stack = 0;        ///< where sigaltstack() put it; 0: none
  std::vector<std::uint64_t> registers;  ///< general ones, the stack pointer left out
  /// Memory that an allocation function has in hand: what it holds counts, though it may be no block now.
  struct InHand {
    std::uint64_t address = 0;
    std::uint64_t size_bytes = 0;  ///< 0: a block, or nothing
  };
  std::vector<InHand> in_hand;
};

enum class MappingKind { file, anonymous, heap, main_stack, special };

/// Larger ones, in bytes, are reservations (a sanitizer's shadow): no roots, though blocks may lie in them.
inline constexpr std::uint64_t kLargestMapping = std::uint64_t{256} << 30;

struct HeldMapping {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;
  MappingKind kind = MappingKind::anonymous;
  std::uint32_t module = kNone;  ///< index into Trace::modules, of a known file and of its .bss
  std::uint64_t bias = 0;        ///< run-time address minus module address
};

/// An outstanding block. `window` and `stack` are the tracer's own numbers.
struct HeldBlock {
  std::uint64_t address = 0;
  std::uint64_t size_bytes = 0;
  std::uint32_t time_ms = 0;  ///< since HeldProcess::start_ns
  std::uint32_t window = 0;
  std::uint32_t stack = 0;
  // 32 bytes in all: there may be ten million of them
  std::uint32_t lost_after : 30 = 0;  ///< the window at whose end it was first seen lost; 0: not yet
  std::uint32_t ignored : 1 = 0;      ///< the program said that it is no leak, and so is what it leads to
  std::uint32_t inherited : 1 = 0;    ///< a process's that forked this one: it is told of there
};

/// Where the C library keeps what threads have set by pthread_setspecific(), as it tells libthread_db.
struct ThreadKeys {
  std::uint64_t keys = 0;      ///< address of its keys; 0: not known
  std::uint64_t specific = 0;  ///< bytes from a thread's pointer to the table of its values
};

/// Addresses from `start` up to `end`.
struct MemoryRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;

  bool operator==(const MemoryRange&) const = default;
};

struct HeldProcess {
  std::uint64_t start_ns = 0;       ///< of the trace
  std::uint32_t process = kNone;    ///< index into Trace::processes
  std::uint32_t window = 0;         ///< the one that just ended; 0 at the process's own end
  std::uint32_t groups_from = 0;    ///< groups are wanted of blocks with this window's number and larger ones
  bool threads_known = true;        ///< false: they are gone, only memory is left
  bool c_library_allocates = true;  ///< false: another allocator serves it
  std::uint32_t last_window_seen = 0;  ///< the last one at whose end it was held before; 0: none
  ThreadKeys thread_keys;
  std::vector<MemoryRange> old_actions;  ///< signal actions of before, with what lay on a stack in between
  std::vector<HeldThread> threads;       ///< main thread first, then by age
  std::vector<HeldMapping> mappings;     ///< by address
  std::vector<HeldBlock> blocks;
  ReadHeldMemory read;
  NextTouchedPage next_touched;
  FindHeldFrame frame_of;  ///< may be empty
  IsResidue is_residue;    ///< may be empty: there is none
  IsPool is_pool;          ///< likewise
  FindSlack slack;         ///< likewise
};

/// What was found at a judged moment.
struct MomentFindings {
  std::array<std::uint64_t, 5> bytes_of_kind{};   ///< by Kind
  std::array<std::uint64_t, 5> blocks_of_kind{};  ///< likewise
  std::vector<Kind> kinds;                        ///< of HeldProcess::blocks, in their order
  std::vector<TraceOutstanding> groups;           ///< the same, summed up; only where asked for
  std::uint64_t scanned_bytes = 0;
  std::uint64_t unreadable_bytes = 0;
};

/// Classifies the blocks of a held process; with groups where `with_groups`.
using ClassifyHeld = std::function<MomentFindings(const HeldProcess&, bool with_groups)>;

}  // namespace leakgate::model
