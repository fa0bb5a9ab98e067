// SPDX-License-Identifier: Apache-2.0
// PreloadSession: the session of the preload backend. What the preloaded library writes is read in place;
// what it needs (rows, marks, mappings, patches) is worked out here and left in the same memory. In: a memory
// file. Out: what Session promises.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "harness/capture/preload/detours.h"
#include "harness/capture/preload/ended_processes.h"
#include "harness/capture/preload/ledger_check.h"
#include "harness/capture/preload/process_patches.h"
#include "harness/capture/preload/shared_file.h"
#include "harness/capture/preload/stack_ids.h"
#include "harness/capture/session.h"

namespace leakgate::capture {

class PreloadSession final : public Session {
 public:
  /// Sets the memory file up for a held target, before it runs. Fails with permission where the target could
  /// not open it.
  static Result<std::unique_ptr<Session>> open(std::shared_ptr<SharedFile> file, const TracerOptions& options,
                                               const TracedTarget& target);
  ~PreloadSession() override;
  PreloadSession(const PreloadSession&) = delete;
  PreloadSession& operator=(const PreloadSession&) = delete;

  [[nodiscard]] const char* backend() const override { return "preload"; }
  [[nodiscard]] bool sees_static_programs() const override { return false; }
  [[nodiscard]] bool watches_privately() const override { return true; }
  [[nodiscard]] bool asker_sleeps() const override { return true; }
  Status attach_tracepoints() override { return {}; }
  void begin_module(std::uint32_t id, const ElfImage& image) override;
  Status attach(ProbeProgram program, const std::string& path, std::span<const ProbeSite> sites) override;
  void note_query(std::uint64_t presence, std::uint64_t hook) override;
  void detach(bool anyone_left, bool shared) override;
  [[nodiscard]] std::size_t link_count() const override { return 0; }
  [[nodiscard]] int event_descriptor() const override { return events_.get(); }
  Status drain_records(const std::function<void(const lg_record&, std::size_t size)>& handle) override;
  Status add_module_rows(std::uint32_t module, const lg_module_info& info, std::span<const lg_row> rows,
                         std::span<const std::uint32_t> pages) override;
  Status add_mark(std::uint32_t id, const lg_mark& mark) override;
  Status set_mappings(std::uint32_t process, std::uint32_t generation,
                      std::span<const lg_mapping> mappings) override;
  void drop_mappings(std::uint32_t, std::uint32_t) override {}
  void set_examined(std::uint32_t process) override;
  void beat() override;
  void answer_moment(std::uint32_t process, std::uint32_t moment) override;
  [[nodiscard]] Result<std::vector<lg_thread_state>> threads(std::int32_t pid) const override;
  Status grow() override { return {}; }
  [[nodiscard]] UnwindMode unwind() const override { return unwind_; }
  [[nodiscard]] lg_totals totals() const override;
  [[nodiscard]] std::vector<std::uint64_t> lost() const override;
  [[nodiscard]] std::vector<std::uint64_t> truncated() const override;
  [[nodiscard]] std::map<std::string, std::uint64_t> own_losses() const override;
  [[nodiscard]] std::vector<std::string> notes() const override { return patches_.notes(); }
  [[nodiscard]] Result<lg_proc> process(std::uint32_t index) const override;
  [[nodiscard]] Result<StackRow> stack(std::uint32_t id) const override { return stacks_.row(id); }
  [[nodiscard]] std::uint64_t stack_capacity() const override { return stacks_.count(); }
  Status visit_live(const std::function<bool(const lg_live_key&, const lg_live&)>& visit) override;
  void retire(std::uint32_t process) override;

 private:
  using Handle = std::function<void(const lg_record&, std::size_t size)>;
  using Block = std::pair<lg_live_key, lg_live>;

  PreloadSession(std::shared_ptr<SharedFile> file, const TracerOptions& options, const TracedTarget& target);
  void ring_through(const std::stop_token& stop);
  /// abort() is the last moment at which a process that dies by it can be looked at.
  void watch_abort(const ElfImage& image);
  [[nodiscard]] std::uint8_t role_of(std::uint64_t mark) const;
  /// Takes one record out of the ring and hands it on; false: there is none.
  bool take_record(const Handle& handle);
  void hand_on(lg_record& record, std::size_t size, const Handle& handle);
  /// Says whose image an exec replaces, which the new program does not know.
  void complete(lg_record_exec& record);
  void note_expected(const lg_record_window& record);
  /// Hands on what the ring holds, but not for ever: the target could write for ever.
  void take_records(const Handle& handle);
  void check_counts(std::uint32_t process, const lg_proc& figures, std::uint64_t blocks);
  [[nodiscard]] std::uint64_t damages() const;
  /// False: not all of its blocks could be read.
  bool visit_region(std::uint32_t process,
                    const std::function<bool(const lg_live_key&, const lg_live&)>& visit);
  void add_peaks(std::uint32_t index, lg_totals& totals) const;
  [[nodiscard]] std::uint32_t images() const;
  [[nodiscard]] bool is_used(std::uint32_t process) const;

  std::shared_ptr<SharedFile> file_;
  UnwindMode unwind_;
  bool all_stacks_;
  std::int32_t root_pid_;
  Descriptor events_;    ///< epoll: the doorbell, and ends of processes
  Descriptor doorbell_;  ///< eventfd
  std::jthread ringer_;
  EndedProcesses ended_{-1};
  mutable StackIds stacks_;
  ProcessPatches patches_;
  std::uint64_t rows_used_ = 0;
  bool is_interposed_ = false;                        ///< the module begun last is the C library
  std::map<std::uint32_t, std::vector<Block>> kept_;  ///< of images that have ended
  std::set<std::uint32_t> active_;                    ///< images that were told of, and have not ended
  lg_totals retired_totals_{};                        ///< peaks of the others
  std::uint64_t retired_patches_failed_ = 0;
  std::map<std::uint32_t, lg_proc> retired_;
  std::map<std::int32_t, std::uint64_t> executed_ns_;  ///< by pid
  std::map<std::int32_t, std::uint64_t> expected_ns_;
  // the target can write to the header: what bounds depend on is kept here
  std::uint32_t max_processes_ = 0;
  std::uint32_t ring_slots_ = 1;
  std::uint64_t ring_read_ = 0;
  HeaderSeal seal_;
  std::set<std::uint32_t> damaged_;  ///< images whose ledger was overwritten
  std::uint64_t damaged_records_ = 0;
  std::uint64_t unknown_ends_ = 0;  ///< processes that left blocks, and nobody can say how they ended
  bool unreadable_ = false;         ///< a process's blocks could not be read when it had ended
  std::uint64_t stuck_ticket_ = ~0ull;
  std::uint64_t stuck_since_ns_ = 0;
};

}  // namespace leakgate::capture
