// SPDX-License-Identifier: Apache-2.0
// The left half of leakgate: runs a command under the tracer and makes its recording. The table of contents
// of the program: launch -> capture -> attribute -> classify -> symbolize.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/result.h"
#include "harness/capture/heap_tracer.h"
#include "harness/classify/moment.h"
#include "harness/judge/policy.h"
#include "harness/launch/caller_state.h"
#include "harness/model/recording.h"

namespace leakgate::pipeline {

struct RecordRequest {
  std::vector<std::string> command;
  launch::CallerState caller;  ///< as leakgate was started
  capture::TracerOptions tracer;
  /// The backends to try, in order: the first that is allowed here traces.
  std::vector<capture::MakeTracer> backends = {capture::make_ebpf_tracer};
  classify::ClassifyOptions classify;
  judge::Policy policy;  ///< for questions that adapters ask while the command runs
  std::optional<std::chrono::milliseconds> timeout;
  std::chrono::milliseconds wait{1000};  ///< for processes that outlive the command
  bool as_root = false;                  ///< under sudo: do not become the invoking user
  bool compare_backends = true;          ///< tell where the other one would have been quicker
  bool private_copies = true;            ///< probe a private copy of the C library, not the machine's
  std::string source_root;               ///< paths are shown relative to it; empty: the working directory
  std::vector<std::pair<std::string, std::string>> path_maps;
};

/// Runs the command and records it. Fails where the command cannot be started (not_found, not_executable) or
/// the tracer cannot work (permission, unsupported): the command has then not run. Fails (io) where what was
/// traced cannot be had in the end.
Result<model::Recording> record_command(const RecordRequest& request);

}  // namespace leakgate::pipeline
