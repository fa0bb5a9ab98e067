// SPDX-License-Identifier: Apache-2.0
// SessionTracer: HeapTracer over a session, which is the part that backends differ in. Joins the session, the
// modules and the log; see heap_tracer.h for the contract.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "harness/capture/canary_watch.h"
#include "harness/capture/exec_gate.h"
#include "harness/capture/heap_tracer.h"
#include "harness/capture/heart.h"
#include "harness/capture/mapping_tables.h"
#include "harness/capture/modules.h"
#include "harness/capture/moments.h"
#include "harness/capture/questions.h"
#include "harness/capture/session.h"
#include "harness/capture/stack_reader.h"
#include "harness/capture/trace_log.h"

namespace leakgate::capture {

/// Opens the backend's session for a held target.
using OpenSession =
    std::function<Result<std::unique_ptr<Session>>(const TracerOptions& options, const TracedTarget& target)>;

class SessionTracer final : public HeapTracer {
 public:
  /// `environment`: what the target's environment must have for the backend, NAME=VALUE.
  SessionTracer(const TracerOptions& options, OpenSession open, std::vector<std::string> environment)
      : options_(options), open_(std::move(open)), environment_(std::move(environment)) {}

  [[nodiscard]] std::vector<std::string> environment() const override { return environment_; }

  Status start(const TracedTarget& target, TracerHooks hooks) override;
  [[nodiscard]] int event_descriptor() const override { return events_.get(); }
  Status poll() override;
  [[nodiscard]] std::vector<std::int32_t> running() const override;
  void expect_canary() override;
  [[nodiscard]] CanarySight canary() const override { return canary_ ? canary_->sight() : CanarySight{}; }
  Result<model::Trace> finish() override;

 private:
  Status take_by_batches();
  void take(const lg_record& record, std::size_t size);
  void examine(std::uint32_t proc);
  /// Opens the gate that programs pass before they run, where there can be one; without it static programs
  /// that the command starts are found too late.
  void open_gate();
  void note_unseen_end(std::uint32_t proc);
  /// One descriptor for all that poll() looks at.
  Status watch_events();
  /// A program without dynamic linker maps nothing later: it is known from before its exec, or it is probed
  /// at once, and counted.
  void examine_static(const lg_record_exec& exec);
  /// Takes the blocks of ended processes out of the kernel's table; of all processes when `everything`.
  Status collect(bool everything);
  void note_moments(model::Trace& trace);
  /// Answers a process that asked, while it is held.
  void tell_asker(const lg_record_moment& question, const model::MomentFindings* findings);
  void read_processes();

  /// Blocks that no moment summed up: by process, window, stack and kind.
  using SumKey = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, model::Kind>;

  TracerOptions options_;
  OpenSession open_;
  std::vector<std::string> environment_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<ModuleTable> modules_;
  std::unique_ptr<TraceLog> log_;
  std::unique_ptr<ExecGate> gate_;
  bool gate_armed_ = false;
  Descriptor events_;  ///< epoll: control records and the gate
  std::int32_t root_pid_ = 0;
  std::int32_t canary_pid_ = 0;
  model::ClassifyHeld classify_;
  std::unique_ptr<MomentKeeper> moments_;
  std::unique_ptr<Heart> heart_;  ///< says that we are there to processes that wait for us
  model::AnswerQuestion answer_;
  std::uint64_t start_ns_ = 0;
  std::unique_ptr<MappingTables> tables_;
  std::map<SumKey, model::TraceOutstanding> sums_;
  std::unique_ptr<CanaryWatch> canary_;  ///< once it is expected
  std::uint64_t collect_at_blocks_ = 1u << 18;
  std::uint64_t examined_late_ =
      0;  ///< processes with a test framework that ran on before their modules were examined
  std::uint64_t static_late_ = 0;
  std::uint64_t unseen_ends_ = 0;
  std::uint64_t unmapped_ = 0;  ///< processes whose mappings found no room: their stacks cannot be walked
  std::vector<std::string> problems_;  ///< what went wrong while tracing, told as notes
};

}  // namespace leakgate::capture
