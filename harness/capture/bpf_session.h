// SPDX-License-Identifier: Apache-2.0
// BpfSession: the loaded programs and maps of one run. It and the tables it hands out speak libbpf: negative
// errno and NULL returns become Errors there. In: options, then objects to probe. Out: control records, and
// the contents of maps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/wire.h"
#include "harness/base/result.h"
#include "harness/capture/heap_tracer.h"
#include "harness/capture/session.h"
#include "harness/capture/stack_table.h"

struct bpf_program;

namespace leakgate::capture {

class BpfSession final : public Session {
 public:
  /// Loads the programs; nothing is attached yet. Where the kernel refuses the .eh_frame walk and the
  /// unwinder is to be chosen automatically, frame pointers are walked. Fails with permission or unsupported,
  /// saying what is missing.
  static Result<std::unique_ptr<BpfSession>> open(const TracerOptions& options, const TracedTarget& target);
  ~BpfSession() override;
  BpfSession(const BpfSession&) = delete;
  BpfSession& operator=(const BpfSession&) = delete;

  [[nodiscard]] const char* backend() const override { return "ebpf"; }
  /// Attaches the tracepoints that follow fork, exec and exit.
  [[nodiscard]] bool leaves_residue() const override { return true; }

  Status attach_tracepoints() override;
  /// Attaches one program at all `sites` of the file: with one link, or with one each on kernels before 6.6.
  Status attach(ProbeProgram program, const std::string& path, std::span<const ProbeSite> sites) override;
  /// Removes every probe. The ledger stays readable. With processes left that could hit one, waits until none
  /// can any more. With `shared`, for probes in files that others use, the session's end waits for that.
  void detach(bool anyone_left, bool shared) override;

  [[nodiscard]] std::size_t link_count() const override;
  [[nodiscard]] int event_descriptor() const override;
  /// Hands every waiting control record to `handle`.
  Status drain_records(const std::function<void(const lg_record&, std::size_t size)>& handle) override;

  Status add_module_rows(std::uint32_t module, const lg_module_info& info, std::span<const lg_row> rows,
                         std::span<const std::uint32_t> pages) override;
  Status add_mark(std::uint32_t id, const lg_mark& mark) override;
  Status set_mappings(std::uint32_t process, std::uint32_t generation,
                      std::span<const lg_mapping> mappings) override;
  void drop_mappings(std::uint32_t generation, std::uint32_t count) override;
  void set_examined(std::uint32_t process) override;

  /// Tells the kernel side that we are there; without it for two seconds, waits at judged moments end.
  void beat() override;
  /// Ends the wait of a process at its judged moment number `moment`.
  void answer_moment(std::uint32_t process, std::uint32_t moment) override;
  /// The threads of process `pid`, main thread first. Registers of running ones are not to be relied on.
  [[nodiscard]] Result<std::vector<lg_thread_state>> threads(std::int32_t pid) const override;

  /// Adds tiers to the tables that asked for one; the kernel side is shown them by a thread. Fails (io) when
  /// memory is refused, now or by the thread the last time: losses are then counted by the kernel side.
  Status grow() override;

  /// How stacks are walked; never `automatic`.
  [[nodiscard]] UnwindMode unwind() const override;
  [[nodiscard]] lg_totals totals() const override;
  [[nodiscard]] std::vector<std::uint64_t> lost() const override;  ///< by enum lg_loss
  [[nodiscard]] std::vector<std::uint64_t> truncated()
      const override;  ///< walks that ended early, by lg_truncated
  [[nodiscard]] Result<lg_proc> process(std::uint32_t index) const override;
  [[nodiscard]] Result<StackRow> stack(std::uint32_t id) const override;
  [[nodiscard]] std::uint64_t stack_capacity() const override;  ///< the largest id there can be now
  /// Calls `visit` for every live block; `remove` says which are taken out of the table.
  Status visit_live(const std::function<bool(const lg_live_key&, const lg_live&)>& visit_and_remove) override;
  void visit_left_by(std::uint32_t process,
                     const std::function<bool(const lg_live_key&, const lg_live&)>& visit) override;

 private:
  struct State;
  explicit BpfSession(std::unique_ptr<State> state);
  static Status open_tables(State& state);
  Status attach_each(const bpf_program* program, const std::string& path, std::span<const ProbeSite> sites,
                     bool at_return);
  static int load(State& state, const TracerOptions& options, const TracedTarget& target, UnwindMode unwind);
  std::unique_ptr<State> state_;
};

}  // namespace leakgate::capture
