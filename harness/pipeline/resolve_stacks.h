// SPDX-License-Identifier: Apache-2.0
// Joins the trace's raw stacks to symbolize: the frames, stacks and modules of the recording.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "harness/capture/heap_tracer.h"
#include "harness/model/recording.h"
#include "harness/model/trace.h"
#include "harness/pipeline/record.h"
#include "harness/symbolize/symbolizer.h"

namespace leakgate::pipeline {

/// Keeps what was read of the modules, so that asking again is cheap. Modules are those of one tracer: the
/// same indexes mean the same modules, in every trace.
class StackResolver {
 public:
  /// What to read of the modules: lines and inlined functions too, or names alone, which is quick however
  /// large they are.
  enum class Depth { lines, names };

  /// Paths are shown as the request says, relative to `cwd` where it says nothing.
  StackResolver(const RecordRequest& request, const std::string& cwd, Depth depth = Depth::lines);

  /// Tells of a module while the target runs: what most stacks go through, the program that is tested and the
  /// C and C++ runtimes, is read ahead.
  void expect(const model::TraceModule& module, bool is_tested);

  [[nodiscard]] bool reads_ahead() const { return reads_ahead_; }
  /// Tells of a frame, while the target runs, that resolve() will most likely be asked for.
  void expect(const model::TraceModule& module, const model::TraceFrame& frame);

  /// Fills recording.modules, frames and stacks, makes the blocks' stack indexes refer to them, and names the
  /// blocks' types and holders. Only stacks that a block or a holder refers to are resolved. `origins`: the
  /// row of trace.outstanding that each of recording.blocks came from.
  void resolve(const model::Trace& trace, std::span<const std::size_t> origins, model::Recording& recording);

  /// The last stack is resolved. Keeps names for runs to come, where finding them was dear.
  void finish() {
    symbolizer_.stop_reading();
    symbolizer_.store();
  }

 private:
  symbolize::Symbolizer symbolizer_;
  bool reads_ahead_;
  std::size_t modules_ = 0;  ///< that the symbolizer knows
};

/// What capture is to call: has the resolver expect new modules.
[[nodiscard]] capture::ModuleSeen reader_ahead(std::shared_ptr<StackResolver> resolver);
/// Likewise, for frames; empty where nothing is read ahead.
[[nodiscard]] capture::FrameSeen frames_ahead(std::shared_ptr<StackResolver> resolver);

}  // namespace leakgate::pipeline
