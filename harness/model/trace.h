// SPDX-License-Identifier: Apache-2.0
// The trace: what a tracer saw, before anybody drew conclusions. Made by capture, read by attribute, classify
// and symbolize. Same content from every backend; nothing of a kernel in it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/model/ages.h"
#include "harness/model/recording.h"

namespace leakgate::model {

/// An ELF file that was mapped executable by some traced process.
struct TraceModule {
  std::string path;      ///< as the processes saw it
  std::string build_id;  ///< lower-case hex; may be empty
  bool stripped = false;
  std::shared_ptr<Descriptor>
      file;  ///< open for reading, so that it resolves after dlclose, unlink or exit; may be null
  bool private_copy = false;  ///< leakgate's own copy of what stands at `path`
};

/// How an image of a process came to its end.
enum class ImageEnd { running, exited, replaced };

/// One process image: fork and exec each begin a new one.
struct TraceProcess {
  std::int32_t pid = 0;
  std::uint32_t parent = kNone;  ///< image it was forked from, or that exec replaced by it
  bool forked = false;           ///< begun by fork without exec
  bool death_test = false;
  bool examined = false;            ///< its dynamic linker was met, or its modules were looked at
  bool root = false;                ///< the command itself
  bool stripped = false;            ///< of its executable
  std::uint32_t parent_window = 0;  ///< window of the parent in which it was forked
  std::string exe;
  std::vector<std::string> args;
  ImageEnd end = ImageEnd::running;
  ExitState exit;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;
  std::uint64_t bytes = 0;
  std::uint64_t outside_allocations = 0;  ///< in no window
  std::uint64_t outside_bytes = 0;
  std::uint64_t peak_bytes =
      0;  ///< of what was allocated since the last window began, or of the whole where none did
  Framework framework = Framework::none;  ///< whose functions were found in it
  bool tests_due = false;  ///< the framework was about to run tests, and said of none that it is skipped
};

/// A test window: [start, end) of one test case in one process image.
struct TraceWindow {
  std::uint32_t process = kNone;  ///< index into Trace::processes
  std::uint32_t number = 0;       ///< 1, 2, ... within the process image
  Framework framework = Framework::none;
  std::string suite;
  std::string name;
  std::string file;
  std::uint32_t line = 0;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;  ///< 0: its end was not seen
  std::uint32_t failed = 0;
  std::uint32_t skipped = 0;
  std::uint64_t allocations = 0;
  std::uint64_t bytes = 0;
  std::uint64_t peak_bytes = 0;
  std::uint64_t held_ns = 0;       ///< for which the process was held at its end
  std::uint32_t last_throw = 0;    ///< errors have numbers: of the last exception thrown in it; 0: none was
  std::uint32_t last_failure = 0;  ///< likewise, of the last assertion that failed
};

/// A part of a window that an adapter named (a section, a scope), or a part of what lies outside tests.
/// Blocks bear its number in the place of the window's.
struct TraceScope {
  std::uint32_t process = kNone;  ///< index into Trace::processes
  std::uint32_t number = 0;       ///< among the windows of the process image
  std::uint32_t parent = 0;  ///< the window or scope it was opened in, a smaller number; 0: outside tests
  std::string name;
  bool accepted = false;  ///< the program said that what it leaks is meant to be
};

struct TraceFrame {
  std::uint32_t module = kNone;  ///< index into Trace::modules; kNone: code of no known file
  std::uint64_t address = 0;     ///< in the module file's own address space; absolute without module
  bool exact = false;            ///< not a return address

  auto operator<=>(const TraceFrame&) const = default;
};

struct TraceStack {
  std::string function;            ///< the allocation function called
  std::string truncated_reason;    ///< empty: reached the outermost frame
  std::vector<TraceFrame> frames;  ///< the caller of the allocation function first
  std::uint64_t allocations = 0;
  std::uint64_t bytes = 0;
  std::uint64_t frees = 0;
  std::vector<std::uint64_t> lifetime_log2_ms;  ///< of freed blocks; bucket n: lived under 2^n ms
  std::uint32_t freed_by = kNone;   ///< index into Trace::stacks: where the first of them was freed
  std::uint32_t errors_before = 0;  ///< number of the last error before its last allocation
};

/// TraceOutstanding::lost_after: not seen lost before the end of the process.
inline constexpr std::uint32_t kLostAtEnd = 0xffffffffu;

/// An address in a module's file; `module` is kNone where there is none.
struct ModuleAddress {
  std::uint32_t module = kNone;
  std::uint64_t address = 0;
};

/// One step of the chain from a root to a block.
struct TraceHolder {
  enum class What : std::uint8_t { global, stack, registers, thread_local_storage, mapping, block, ignored };
  What what = What::block;
  ModuleAddress at;  ///< of a global
  std::uint32_t thread =
      0;             ///< of a stack, registers or thread-local storage: 1 is the main thread; 0: unknown
  TraceFrame frame;  ///< of a stack: the one that has the pointer; of no module: not known
  std::uint64_t offset = 0;     ///< of the pointer in the block; all ones: not known
  std::uint32_t stack = kNone;  ///< of a block: where it was allocated, as TraceOutstanding::stack
  ModuleAddress type;           ///< of a block: its vtable
  std::uint32_t left_out = 0;   ///< steps left out after this one
};

/// Blocks outstanding at the end of their process image, with one process, window, stack and kind.
struct TraceOutstanding {
  std::uint32_t process = kNone;
  std::uint32_t window = 0;     ///< 0: outside tests
  std::uint32_t stack = kNone;  ///< index into Trace::stacks; kNone: unknown
  Kind kind = Kind::unclassified;
  bool cycle = false;  ///< lost blocks that hold each other
  std::uint32_t lost_after =
      0;               ///< window at whose end they were first seen lost, if not their own; 0: their own
  ModuleAddress type;  ///< vtable of the first of them
  std::vector<TraceHolder> holders;  ///< root first; of the first of them
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t min_block_bytes = 0;
  std::uint64_t max_block_bytes = 0;
  std::uint64_t first_ns = 0;  ///< time of the oldest and of the youngest allocation
  std::uint64_t last_ns = 0;
  BirthTimes births;  ///< of each
};

struct Trace {
  TracerInfo tracer;
  std::vector<TraceModule> modules;
  std::vector<TraceProcess> processes;
  std::vector<TraceWindow> windows;
  std::vector<TraceScope> scopes;
  std::vector<TraceStack> stacks;
  std::vector<TraceOutstanding> outstanding;
  std::uint64_t end_ns = 0;  ///< when the trace was closed
};

}  // namespace leakgate::model
