// SPDX-License-Identifier: Apache-2.0
// HeapTracer: what a backend can do, whatever it is made of. One tracer serves one run, however many
// processes it has. In: the held target. Out: a model::Trace. Knows nothing of tests beyond the marks it is
// given, and judges nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/elf_image.h"
#include "harness/base/result.h"
#include "harness/model/held_process.h"
#include "harness/model/question.h"
#include "harness/model/trace.h"

namespace leakgate::capture {

/// At which judged moments processes are held and their blocks classified; the ends of tests include those of
/// processes.
enum class Moments : std::uint32_t { none = 0, exits = 1, tests = 2 };

enum class UnwindMode { automatic, eh_frame, frame_pointer, none };

/// How probes are attached: with one link per program and file (Linux 6.6), or with one link each.
enum class LinkMode { automatic, multi, single };

struct TracerOptions {
  LinkMode links = LinkMode::automatic;
  Moments moments = Moments::tests;
  UnwindMode unwind = UnwindMode::automatic;
  std::uint32_t max_processes = 16384;
  std::uint32_t max_threads = 65536;  ///< that live at the same time
  std::uint64_t max_live_blocks = 0;  ///< 0: grows to need
  std::uint32_t ring_bytes = 4u << 20;
  std::string preloaded;         ///< LD_PRELOAD of the caller, which the preload backend keeps
  std::string cache_directory;   ///< of unwinding rows, between runs; empty: none
  std::uint32_t max_stacks = 0;  ///< 0: grows to need
  bool all_stacks = false;       ///< the trace has every stack, not those of outstanding blocks alone
};

/// A text field of the object a mark's argument points at (enum lg_text_kind).
struct MarkField {
  std::uint16_t offset = 0;
  std::uint8_t kind = 0;
};

/// A place in a module at which a test framework tells of its tests. Field for field what the kernel side is
/// given.
struct Mark {
  std::uint64_t vaddr = 0;
  std::uint8_t role = 0;  ///< enum lg_mark_role
  model::Framework framework = model::Framework::none;
  std::uint8_t argument = 0;
  std::uint8_t deref = 0;
  MarkField suite, name, file;
  std::uint16_t line_offset = 0xffff;
  std::uint8_t outcome_argument = 0xff;
  std::uint8_t failed_mask = 0;
  std::uint8_t skipped_mask = 0;
  std::uint8_t outcome_form = 0;  ///< enum lg_outcome_form
  std::uint16_t when_offset = 0xffff;
  std::uint8_t when_value = 0;
  std::uint16_t failed_offset = 0xffff;
  std::uint16_t skipped_offset = 0xffff;
};

/// Finds the marks in a newly seen module.
using MarkFinder = std::function<std::vector<Mark>(const ElfImage&)>;

/// Told of each module when it is first seen; `is_tested`: it is a program, or has functions of a test
/// framework.
using ModuleSeen = std::function<void(const model::TraceModule& module, bool is_tested)>;

/// Told, while the target runs, of a frame of a stack that will be told of at the end, most likely.
using FrameSeen = std::function<void(const model::TraceModule& module, const model::TraceFrame& frame)>;

/// What the tracer is given by other stages.
struct TracerHooks {
  MarkFinder find_marks;
  model::ClassifyHeld classify;  ///< called while a process is held
  model::AnswerQuestion answer;  ///< likewise, where an adapter in the process asks; may be empty
  ModuleSeen module_seen = {};   ///< may be empty
  FrameSeen frame_seen = {};     ///< may be empty
};

/// An object file the target will use: where it can be opened now, and the path the target sees.
struct KnownObject {
  std::string open_path;
  std::string path;
  bool private_copy = false;  ///< only the target's tree maps this inode
};

/// What was seen of the canary, a process of leakgate's own that loses one block and frees another.
struct CanarySight {
  bool started = false;  ///< its exec was seen
  bool ended = false;
  bool lost_found = false;    ///< the lost block stood in the ledger at its end
  bool held_for_lost = true;  ///< and was not taken for reachable
  bool free_seen = false;     ///< the freed block came, and went
};

/// The held target.
struct TracedTarget {
  std::int32_t pid = 0;
  std::int32_t canary_pid = 0;  ///< 0: none
  std::vector<KnownObject> objects;
};

class HeapTracer {
 public:
  virtual ~HeapTracer() = default;

  /// What must stand in the target's environment, NAME=VALUE; known before the target is started.
  [[nodiscard]] virtual std::vector<std::string> environment() const { return {}; }

  /// Sets the tracer up on a held target; on success the target may be released.
  virtual Status start(const TracedTarget& target, TracerHooks hooks) = 0;
  /// Readable when poll() has something to do.
  [[nodiscard]] virtual int event_descriptor() const = 0;
  /// Handles what has come in; never blocks.
  virtual Status poll() = 0;
  /// Traced processes (images) that have not ended.
  [[nodiscard]] virtual std::vector<std::int32_t> running() const = 0;
  /// From now on the canary may run. Its process is told of by canary() alone: the trace has no part of it.
  virtual void expect_canary() = 0;
  [[nodiscard]] virtual CanarySight canary() const = 0;
  /// Ends tracing and gives what was seen. Blocks of processes still running are given as they are now.
  virtual Result<model::Trace> finish() = 0;
};

/// Makes the tracer of one backend.
using MakeTracer = std::function<Result<std::unique_ptr<HeapTracer>>(const TracerOptions&)>;

/// The eBPF backend. Fails with permission or unsupported where it cannot work, saying what is missing.
Result<std::unique_ptr<HeapTracer>> make_ebpf_tracer(const TracerOptions& options);

/// The preload backend: a library in the traced processes, which needs no privilege. Fails with unsupported
/// where its library is missing.
Result<std::unique_ptr<HeapTracer>> make_preload_tracer(const TracerOptions& options);

}  // namespace leakgate::capture
