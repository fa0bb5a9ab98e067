// SPDX-License-Identifier: Apache-2.0
// Session: where a backend counts, and how what it counts is read: the kernel's maps, or memory shared with
// the processes. In: objects to probe. Out: control records, and the ledger. What is made of them is the same
// for every backend (session_tracer.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bpf/wire.h"
#include "harness/base/elf_image.h"
#include "harness/base/result.h"
#include "harness/capture/heap_tracer.h"

namespace leakgate::capture {

/// One place to probe: a file offset, and what the program is told about it.
struct ProbeSite {
  std::uint64_t file_offset = 0;
  std::uint64_t cookie = 0;
  /// File offset of a 16-bit counter that is above 0 in every process while the probe stands; 0: none.
  std::uint64_t counter_offset = 0;
  std::uint64_t entry_offset = 0;  ///< file offset at which the function starts, of the malloc family
};

/// Programs that probes lead to.
enum class ProbeProgram {
  alloc_enter,
  alloc_exit,
  free_enter,
  operator_enter,
  operator_return,
  mark_hit,
  link_map_changed,
  exit_called,
  exit_hit,
  query_hit
};

/// One stack.
struct StackRow {
  lg_stack counters{};
  std::vector<std::uint64_t> frames;  ///< innermost first; see LG_FRAME_MODULE_SHIFT
};

class Session {
 public:
  virtual ~Session() = default;

  /// What recordings call the backend.
  [[nodiscard]] virtual const char* backend() const = 0;
  /// Programs without dynamic linker are seen, and have to be probed before they run.
  [[nodiscard]] virtual bool sees_static_programs() const { return true; }
  /// What is watched in a library costs no process but those of the session.
  [[nodiscard]] virtual bool watches_privately() const { return false; }
  /// A thread that reached a judged moment sleeps outside the kernel's probes, and need not be stopped.
  [[nodiscard]] virtual bool asker_sleeps() const { return false; }

  /// What it does at the return from an allocation leaves words on the program's stack: see hold/residue.h.
  [[nodiscard]] virtual bool leaves_residue() const { return false; }

  /// Starts to follow fork, exec and exit.
  virtual Status attach_tracepoints() = 0;
  /// What is attached from now on belongs to module `id`.
  virtual void begin_module(std::uint32_t id, const ElfImage& image) {
    (void)id;
    (void)image;
  }
  /// The allocation functions of the module begun last are seen without probes.
  [[nodiscard]] virtual bool is_interposed() const { return false; }
  /// Attaches one program at all `sites` of the file.
  virtual Status attach(ProbeProgram program, const std::string& path, std::span<const ProbeSite> sites) = 0;
  /// An adapter in the module begun last asks through the pointer at `hook`, and looks at the word at
  /// `presence`.
  virtual void note_query(std::uint64_t presence, std::uint64_t hook) {
    (void)presence;
    (void)hook;
  }
  /// Removes every probe. The ledger stays readable. With processes left that could hit one, waits until none
  /// can any more. With `shared`, for probes in files that others use, the session's end waits for that.
  virtual void detach(bool anyone_left, bool shared) = 0;

  [[nodiscard]] virtual std::size_t link_count() const = 0;
  [[nodiscard]] virtual int event_descriptor() const = 0;
  /// Hands every waiting control record to `handle`.
  virtual Status drain_records(const std::function<void(const lg_record&, std::size_t size)>& handle) = 0;

  virtual Status add_module_rows(std::uint32_t module, const lg_module_info& info,
                                 std::span<const lg_row> rows, std::span<const std::uint32_t> pages) = 0;
  virtual Status add_mark(std::uint32_t id, const lg_mark& mark) = 0;
  virtual Status set_mappings(std::uint32_t process, std::uint32_t generation,
                              std::span<const lg_mapping> mappings) = 0;
  virtual void drop_mappings(std::uint32_t generation, std::uint32_t count) = 0;
  virtual void set_examined(std::uint32_t process) = 0;

  /// Says that we are there; without it for two seconds, waits at judged moments end.
  virtual void beat() = 0;
  /// Ends the wait of a process at its judged moment number `moment`.
  virtual void answer_moment(std::uint32_t process, std::uint32_t moment) = 0;
  /// The threads of process `pid`, main thread first. Registers of running ones are not to be relied on.
  [[nodiscard]] virtual Result<std::vector<lg_thread_state>> threads(std::int32_t pid) const = 0;

  /// What threads of process `pid` were started with, those that do not run yet among them, where that is not
  /// in the process's own memory.
  [[nodiscard]] virtual std::vector<std::uint64_t> thread_arguments(std::int32_t /*pid*/) const { return {}; }

  /// Adds room to the tables that asked for some. Fails (io) when memory is refused: losses are then counted
  /// where they happen.
  virtual Status grow() = 0;

  /// How stacks are walked; never `automatic`.
  [[nodiscard]] virtual UnwindMode unwind() const = 0;
  [[nodiscard]] virtual lg_totals totals() const = 0;
  [[nodiscard]] virtual std::vector<std::uint64_t> lost() const = 0;       ///< by enum lg_loss
  [[nodiscard]] virtual std::vector<std::uint64_t> truncated() const = 0;  ///< early ends, by lg_truncated
  /// Losses that only this backend has, by cause.
  [[nodiscard]] virtual std::map<std::string, std::uint64_t> own_losses() const { return {}; }
  /// What a reader of the report should know of it.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
  /// Processes that are about to become programs, and have not told of themselves yet.
  [[nodiscard]] virtual std::vector<std::int32_t> starting() const { return {}; }
  [[nodiscard]] virtual Result<lg_proc> process(std::uint32_t index) const = 0;
  [[nodiscard]] virtual Result<StackRow> stack(std::uint32_t id) const = 0;
  [[nodiscard]] virtual std::uint64_t stack_capacity() const = 0;  ///< the largest id there can be now
  /// Calls `visit` for every live block; it says which are taken out of the table.
  virtual Status visit_live(const std::function<bool(const lg_live_key&, const lg_live&)>& visit) = 0;
  /// Likewise, for those of one process.
  virtual Status visit_live_of(std::uint32_t process,
                               const std::function<bool(const lg_live_key&, const lg_live&)>& visit) {
    return visit_live([&](const lg_live_key& key, const lg_live& block) {
      return key.proc == process && visit(key, block);
    });
  }
  /// Calls `visit` for blocks that the process has freed since it forked, and that the children still have:
  /// the key's process is the last child forked before that. And for places where it was forked itself and
  /// has freed what it had inherited there: the key is `gone`, and the process is itself. It says which are
  /// taken out. There may be other processes' among them.
  virtual void visit_left_by(std::uint32_t process,
                             const std::function<bool(const lg_live_key&, const lg_live&)>& visit) = 0;
  /// None of the process's forked children lives, of which `last` was the last one: what it frees from now
  /// on is left to nobody.
  virtual void end_heirs_of(std::uint32_t process, std::uint32_t last) { (void)process, (void)last; }
  /// The process has ended, and its blocks were taken out.
  virtual void retire(std::uint32_t process) { (void)process; }
};

}  // namespace leakgate::capture
