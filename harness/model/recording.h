// SPDX-License-Identifier: Apache-2.0
// The recording: everything a run established, after symbolizing and before judging. Plain structs, no
// behaviour. What stands left of the recording needs the living process and privileges; what stands right of
// it is a pure function of these structs. Rows refer to each other by index into the vectors of Recording.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace leakgate::model {

/// Refers to nothing (no test, no stack, no module).
inline constexpr std::uint32_t kNone = 0xffffffffu;

/// Enumerators are the very strings written to JSON and SARIF.
enum class Kind { definitely_lost, indirectly_lost, possibly_lost, still_reachable, unclassified };
enum class Outcome { passed, failed, skipped, crashed };
enum class Framework { none, gtest, catch2, doctest, boost_test };

/// What was run again after the run itself, to see which leaks come again.
enum class RerunScope {
  none,
  suspects,   ///< the tests that leaked, alone
  everything  ///< the whole command
};

/// How a process or the command ended: a code, or the signal that killed it, or neither (replaced by exec, or
/// still running).
struct ExitState {
  std::optional<int> code;
  std::optional<int> signal;

  bool operator==(const ExitState&) const = default;
};

/// Why a run is not complete. `cause` is one of the tracer's loss counters or a name of its own
/// ("target_timeout", ...).
struct IncompleteReason {
  std::string cause;
  std::uint64_t count = 0;
  std::string message;  ///< one sentence for people
  std::string hint;     ///< the option or step that avoids it; may be empty

  bool operator==(const IncompleteReason&) const = default;
};

/// Which part of a suite a run was: part `index` (0, 1, ...) of `total`, as the test program or ctest was
/// told.
struct Shard {
  std::uint32_t index = 0;
  std::uint32_t total = 0;  ///< at least 1
  std::string by;           ///< what said so: "GTEST_TOTAL_SHARDS", "--shard-count", "ctest -I"

  bool operator==(const Shard&) const = default;
};

struct RunInfo {
  std::vector<std::string> command;
  std::string cwd;
  std::string source_root;  ///< as given, absolute: what source paths are relative to; empty: `cwd`
  std::string started;      ///< UTC, ISO 8601, "2026-01-31T12:00:00Z"
  std::uint64_t wall_ms = 0;
  ExitState exit;
  std::optional<Shard> shard;  ///< nothing: not known to be a part
  /// The variable of the command's environment that chose tests; empty: none, nothing: not known.
  std::optional<std::string> tests_chosen_by;
  RerunScope rerun_scope = RerunScope::none;
  std::uint32_t reruns = 0;                          ///< how often it was run again
  std::vector<IncompleteReason> incomplete_reasons;  ///< empty means complete

  bool operator==(const RunInfo&) const = default;
};

struct TracerInfo {
  std::string backend;   ///< "ebpf" or "preload"
  std::string kernel;    ///< uname -r
  std::string unwinder;  ///< "eh_frame", "frame_pointer", "none"
  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;
  std::map<std::string, std::uint64_t> lost;  ///< lost events by cause; every cause is listed, most with 0
  std::uint64_t peak_live_blocks = 0;
  std::uint64_t peak_live_bytes = 0;
  std::vector<std::string>
      notes;  ///< sentences worth telling that are not losses ("probes are machine-wide: ...")
  /// Allocations whose stack ends before the start of its thread, by cause; only causes that occurred.
  std::map<std::string, std::uint64_t> truncated_stacks;
  std::uint64_t held_ns = 0;  ///< for which processes were held at judged moments, all together

  bool operator==(const TracerInfo&) const = default;
};

/// Why the outstanding blocks of a process are, or are not, judged.
enum class ProcessRole {
  judged,      ///< its leaks count
  death_test,  ///< a death test's child: meant to die, never judged
  replaced,    ///< its image was replaced by exec: its blocks went with it
  runner,      ///< a system program (shell, ctest, make) that only started others
  running      ///< still running when the command ended: not judged
};

struct Process {
  std::int32_t pid = 0;
  std::int32_t parent_pid = 0;
  std::string exe;  ///< path as the process saw it
  std::vector<std::string> args;
  ExitState exit;
  ProcessRole role = ProcessRole::judged;
  bool stripped = false;    ///< no symbol table: tests inside it could not be told apart
  std::uint32_t rerun = 0;  ///< 0: of the run itself; n: of the n-th time that something was run again
  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;

  bool operator==(const Process&) const = default;
};

/// One test window, or the pseudo test of a process: blocks allocated outside every window.
struct Test {
  std::string
      id;  ///< "Suite.Name", a Catch2 name, "(outside tests)", or the file name of a binary without framework
  Framework framework = Framework::none;
  std::uint32_t process = kNone;  ///< index into Recording::processes
  bool outside = false;           ///< true for "(outside tests)"
  std::string file;               ///< where the test case is defined; may be empty
  std::uint32_t line = 0;
  Outcome outcome = Outcome::passed;
  bool complete = true;  ///< false: its end was never seen
  std::uint64_t duration_us = 0;
  std::uint64_t allocations = 0;
  std::uint64_t allocated_bytes = 0;
  std::uint64_t peak_bytes = 0;
  std::uint64_t held_us = 0;  ///< for which its process was held at its end

  bool operator==(const Test&) const = default;
};

struct Module {
  std::string path;
  std::string build_id;  ///< lower-case hex; may be empty

  bool operator==(const Module&) const = default;
};

/// One source-level frame. An inlined function is a frame of its own, in front of the one it was inlined
/// into.
struct Frame {
  std::string function;       ///< demangled, compact; empty when unknown
  std::string full_function;  ///< demangled in full, where it differs from `function`; else empty
  std::string file;           ///< may be empty
  std::uint32_t line = 0;     ///< 0: unknown
  std::uint32_t column = 0;   ///< 0: unknown
  bool inlined = false;
  std::uint32_t module = kNone;  ///< index into Recording::modules
  std::uint64_t offset = 0;      ///< of the machine frame: address in the module file's own address space

  bool operator==(const Frame&) const = default;
};

/// Innermost frame first: the allocation function's caller comes before its caller's caller. The counts are
/// of the whole run, over all tests and processes; 0 and empty where they are not known.
struct Stack {
  std::vector<std::uint32_t> frames;  ///< indexes into Recording::frames
  bool truncated = false;
  std::string truncated_reason;
  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;                      ///< of blocks allocated here
  std::vector<std::uint64_t> lifetime_log2_ms;  ///< of freed blocks; bucket n: lived under 2^n ms
  std::uint32_t freed_by = kNone;  ///< index into Recording::stacks: where the first of them was freed

  bool operator==(const Stack&) const = default;
};

/// Outstanding blocks with the same process, test, allocation stack and kind.
struct BlockGroup {
  std::uint32_t process = kNone;
  std::uint32_t test = kNone;   ///< index into Recording::tests
  std::uint32_t stack = kNone;  ///< index into Recording::stacks
  std::string function;         ///< allocation function: "malloc", "calloc", ...
  Kind kind = Kind::unclassified;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t min_block_bytes = 0;
  std::uint64_t max_block_bytes = 0;
  std::uint64_t age_min_ms = 0;  ///< at the judged moment
  std::uint64_t age_max_ms = 0;
  std::vector<std::uint64_t> age_log2_ms;  ///< bucket n: blocks under 2^n ms old; empty: not known
  std::string type;                        ///< class of the object, where known
  bool cycle = false;
  std::uint32_t lost_after =
      kNone;                  ///< the later test at whose end they were first seen lost; kNone: its own
  bool lost_at_end = false;   ///< they became lost only when the process ended
  bool thrown_after = false;  ///< an exception was thrown in their test after the youngest was allocated
  bool failed_after = false;  ///< likewise, an assertion failed
  std::string section;        ///< of the test, as its adapter told: "outer / inner"; may be empty
  std::vector<std::string> retained_by;  ///< chain of holders, root first; for still_reachable blocks

  bool operator==(const BlockGroup&) const = default;
};

struct Recording {
  std::string tool_version;
  RunInfo run;
  TracerInfo tracer;
  std::vector<Process> processes;
  std::vector<Test> tests;
  std::vector<Module> modules;
  std::vector<Frame> frames;
  std::vector<Stack> stacks;
  std::vector<BlockGroup> blocks;

  bool operator==(const Recording&) const = default;
};

}  // namespace leakgate::model
