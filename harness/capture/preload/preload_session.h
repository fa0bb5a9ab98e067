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
#include <vector>

#include "harness/capture/code_lock.h"
#include "harness/capture/preload/detours.h"
#include "harness/capture/preload/ended_processes.h"
#include "harness/capture/preload/expected_programs.h"
#include "harness/capture/preload/ledger_check.h"
#include "harness/capture/preload/process_ledgers.h"
#include "harness/capture/preload/process_patches.h"
#include "harness/capture/preload/record_ring.h"
#include "harness/capture/preload/shared_file.h"
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
  [[nodiscard]] bool is_interposed() const override { return is_interposed_; }
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
  [[nodiscard]] std::vector<std::uint64_t> thread_arguments(std::int32_t pid) const override;
  Status grow() override { return {}; }
  [[nodiscard]] UnwindMode unwind() const override { return unwind_; }
  [[nodiscard]] lg_totals totals() const override { return ledgers_.totals(); }
  [[nodiscard]] std::vector<std::uint64_t> lost() const override;
  [[nodiscard]] std::vector<std::uint64_t> truncated() const override;
  [[nodiscard]] std::map<std::string, std::uint64_t> own_losses() const override;
  [[nodiscard]] std::vector<std::string> notes() const override;
  [[nodiscard]] std::vector<std::int32_t> starting() const override { return expected_.starting(); }
  [[nodiscard]] Result<lg_proc> process(std::uint32_t index) const override {
    return ledgers_.process(index);
  }
  [[nodiscard]] Result<StackRow> stack(std::uint32_t id) const override { return ledgers_.stack(id); }
  [[nodiscard]] std::uint64_t stack_capacity() const override { return ledgers_.stack_count(); }
  Status visit_live(const std::function<bool(const lg_live_key&, const lg_live&)>& visit) override {
    return ledgers_.visit_live(visit);
  }
  Status visit_live_of(std::uint32_t process,
                       const std::function<bool(const lg_live_key&, const lg_live&)>& visit) override {
    return ledgers_.visit_live_of(process, visit);
  }
  void visit_left_by(std::uint32_t process,
                     const std::function<bool(const lg_live_key&, const lg_live&)>& visit) override {
    ledgers_.visit_left_by(process, visit);
  }
  void end_heirs_of(std::uint32_t process, std::uint32_t last) override;
  void retire(std::uint32_t process) override;

 private:
  using Handle = std::function<void(const lg_record&, std::size_t size)>;

  PreloadSession(std::shared_ptr<SharedFile> file, const TracerOptions& options, const TracedTarget& target);
  /// Has a function of the C library's tell `what`, if a detour can be made there.
  void watch_if_possible(const ElfImage& image, std::string_view name, std::uint32_t what);
  [[nodiscard]] std::uint8_t role_of(std::uint64_t mark) const;
  /// False: this cannot be what a library wrote.
  bool hand_on(lg_record& record, std::size_t size, const Handle& handle);
  /// A child was forked, and waits until its end will be seen.
  bool watch(const lg_record_fork& record);
  /// Says whose image an exec replaces, which the new program does not know.
  void complete(lg_record_exec& record);
  void note_expected(const lg_record_window& record);
  [[nodiscard]] std::uint64_t damages() const;

  std::shared_ptr<SharedFile> file_;
  UnwindMode unwind_;
  std::int32_t root_pid_;
  std::uint32_t max_processes_;  ///< the target can write to the header: it is kept here
  Descriptor events_;            ///< epoll: records, and ends of processes
  RecordRing ring_;
  EndedProcesses ended_{-1};
  ExpectedPrograms expected_{-1};
  ProcessLedgers ledgers_;
  ProcessPatches patches_;
  std::uint64_t rows_used_ = 0;
  bool is_interposed_ = false;   ///< the module begun last is the C library
  bool is_code_locked_ = false;  ///< others know that its code is changed
  std::vector<Descriptor> code_locks_;
  HeaderSeal seal_;
  mutable std::set<std::uint32_t> threads_damaged_;  ///< images whose threads were overwritten
  std::uint64_t unknown_ends_ = 0;  ///< processes that left blocks, and nobody can say how they ended
  std::uint64_t sanitizers_ = 0;    ///< modules of them
};

}  // namespace leakgate::capture
