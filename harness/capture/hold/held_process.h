// SPDX-License-Identifier: Apache-2.0
// Holds a process at a judged moment and describes it. In: the record of the moment. Out: a
// model::HeldProcess, valid while the object lives. Threads that run are stopped by ptrace; threads that
// sleep in the kernel are left alone, since some system calls would tell the program (EINTR), and looked at
// again afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bpf/wire.h"
#include "harness/base/result.h"
#include "harness/capture/hold/held_memory.h"
#include "harness/capture/hold/held_threads.h"
#include "harness/capture/hold/pool_memory.h"
#include "harness/capture/hold/residue.h"
#include "harness/capture/hold/slack_memory.h"
#include "harness/capture/hold/stack_frames.h"
#include "harness/capture/modules.h"
#include "harness/capture/session.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {

class HeldProcess {
 public:
  HeldProcess(Session& session, const ModuleTable& modules, const lg_record_moment& moment, std::int32_t pid)
      : session_(session), modules_(modules), moment_(moment), pid_(pid), threads_(pid) {}
  HeldProcess(const HeldProcess&) = delete;
  HeldProcess& operator=(const HeldProcess&) = delete;
  /// Lets the process go on.
  ~HeldProcess();

  /// The thread that waits was asked to stop before, and let go on to do so.
  void has_been_stopped(HeldThreads threads) {
    threads_ = std::move(threads);
    answered_ = true;
  }

  /// Stops what runs and describes the process, anew at each call; all threads, sleeping ones too, where
  /// `all_threads`. Fails with permission where a running thread cannot be held (another debugger has it),
  /// with not_found where the process is gone.
  Status hold(bool all_threads);
  /// True if no thread ran since hold(), and it is the same program still; of a process that dies, if its
  /// memory is still there.
  [[nodiscard]] bool stood_still() const;
  /// False for one that dies, and for one that has become another program: what it gave up does not come
  /// back.
  [[nodiscard]] bool can_be_held_again() const { return view_.threads_known && !is_let_go(); }
  /// Why one that cannot be held again was not examined.
  [[nodiscard]] static Error gave_up_memory();
  /// Lets the process go on; what could not be let go yet is returned, to be released later.
  HeldThreads release();

  [[nodiscard]] model::HeldProcess& view() { return view_; }

 private:
  [[nodiscard]] bool is_let_go() const;
  [[nodiscard]] bool has_memory() const;  ///< still
  Status stop_threads(bool all_threads);
  void add_old_actions();
  Status describe_memory();
  void describe_threads();

  Session& session_;
  const ModuleTable& modules_;
  lg_record_moment moment_;
  std::int32_t pid_;
  bool answered_ = false;
  HeldThreads threads_;
  std::vector<lg_thread_state> states_;
  std::unique_ptr<HeldMemory> memory_;
  std::unique_ptr<StackFrames> frames_;
  std::unique_ptr<Residue> residue_;
  std::unique_ptr<PoolMemory> pools_;
  std::unique_ptr<SlackMemory> slack_;
  model::HeldProcess view_;
};

}  // namespace leakgate::capture
