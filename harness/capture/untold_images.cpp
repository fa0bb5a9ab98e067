// SPDX-License-Identifier: Apache-2.0
// An image without a beginning has told nothing; one that something else refers to stays all the same.
#include "harness/capture/untold_images.h"

#include <cstddef>
#include <utility>
#include <vector>

namespace leakgate::capture {
namespace {

/// Calls `visit` with each reference of the trace to an image.
template <typename Visit>
void visit_references(model::Trace& trace, const Visit& visit) {
  for (model::TraceProcess& process : trace.processes)
    visit(process.parent);
  for (model::TraceWindow& window : trace.windows)
    visit(window.process);
  for (model::TraceScope& scope : trace.scopes)
    visit(scope.process);
  for (model::TraceOutstanding& blocks : trace.outstanding)
    visit(blocks.process);
}

}  // namespace

void drop_untold_images(model::Trace& trace) {
  const std::size_t count = trace.processes.size();
  std::vector<bool> stays(count);
  for (std::size_t i = 0; i < count; ++i)
    stays[i] = trace.processes[i].start_ns != 0 || trace.processes[i].allocations != 0;
  visit_references(trace, [&](std::uint32_t image) {
    if (image < count) stays[image] = true;
  });
  std::vector<std::uint32_t> number(count);
  std::uint32_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    number[i] = next;
    if (!stays[i]) continue;
    if (next != i) trace.processes[next] = std::move(trace.processes[i]);
    ++next;
  }
  trace.processes.resize(next);
  visit_references(trace, [&](std::uint32_t& image) {
    if (image < count) image = number[image];
  });
}

}  // namespace leakgate::capture
