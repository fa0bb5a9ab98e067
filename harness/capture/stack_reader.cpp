// SPDX-License-Identifier: Apache-2.0
// Rows of the kernel's table are read once each, in the order of their ids.
#include "harness/capture/stack_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace leakgate::capture {
namespace {

constexpr const char* kFunctionNames[] = {"",
#define X(name) #name,
                                          LG_FUNCTION_LIST(X)
#undef X
};

/// What reports call allocation function `number` (enum lg_function).
std::string function_name(std::uint16_t number) {
  if (number == LG_FN_operator_new) return "operator new";
  return number < std::size(kFunctionNames) ? kFunctionNames[number] : "";
}

/// Why a stack ends early, by enum lg_truncated: the word for counters, and for people.
struct TruncatedCause {
  const char* name;
  const char* reason;
};
constexpr TruncatedCause kTruncated[] = {
    {"", ""},
    {"no_module", "code outside every known file"},
    {"no_cfi", "no call frame information"},
    {"unsupported_rule", "an unwinding rule that is not supported"},
    {"unreadable", "stack memory could not be read"},
    {"depth", "more frames than are recorded"},
};
static_assert(std::size(kTruncated) == LG_TRUNCATED_COUNT);

/// The id of the stack that freed first; kNone if there is none.
std::uint32_t free_stack(const lg_stack& counters) {
  return counters.freed_by == 0 || counters.freed_by == LG_FREED_UNKNOWN ? model::kNone : counters.freed_by;
}

/// The kernel's row as the trace has it; `modules`: how many there are.
model::TraceStack trace_stack(const StackRow& stack, std::size_t modules) {
  const lg_stack& counters = stack.counters;
  model::TraceStack row;
  row.function = function_name(counters.function);
  row.truncated_reason =
      counters.truncated < std::size(kTruncated) ? kTruncated[counters.truncated].reason : "unknown";
  row.allocations = counters.allocations;
  row.bytes = counters.bytes;
  row.frees = counters.frees;
  row.freed_by = free_stack(counters);  // still the kernel's id
  row.errors_before = counters.errors_before;
  row.lifetime_log2_ms.assign(std::begin(counters.lifetime_log2_ms), std::end(counters.lifetime_log2_ms));
  for (const std::uint64_t frame : stack.frames) {
    const std::uint64_t module = frame >> LG_FRAME_MODULE_SHIFT;
    row.frames.push_back({module < modules ? static_cast<std::uint32_t>(module) : model::kNone,
                          frame & LG_FRAME_ADDR_MASK, (frame & LG_FRAME_EXACT) != 0});
  }
  return row;
}

/// Adds the counters of a stack that two threads entered at the same moment.
void add_counters(model::TraceStack& to, const model::TraceStack& from) {
  to.allocations += from.allocations;
  to.bytes += from.bytes;
  to.frees += from.frees;
  if (to.freed_by == model::kNone) to.freed_by = from.freed_by;
  to.errors_before = std::max(to.errors_before, from.errors_before);
  for (std::size_t i = 0; i < to.lifetime_log2_ms.size(); ++i)
    to.lifetime_log2_ms[i] += from.lifetime_log2_ms[i];
}

/// Calls `visit` for every place in the trace that holds a stack id.
template <typename Visit>
void for_each_id(model::Trace& trace, Visit visit) {
  for (model::TraceOutstanding& row : trace.outstanding) {
    visit(row.stack);
    for (model::TraceHolder& holder : row.holders)
      visit(holder.stack);
  }
}

}  // namespace

Status read_stacks(const BpfSession& session, std::uint64_t count, model::Trace& trace) {
  std::map<std::uint32_t, std::uint32_t> index_of;  // kernel's id -> index in the trace
  for_each_id(trace, [&](std::uint32_t& id) {
    if (id != 0 && id != model::kNone) index_of.emplace(id, model::kNone);
  });
  for (std::uint64_t id = 1; id <= std::min(count, session.stack_capacity()); ++id)
    index_of.emplace(static_cast<std::uint32_t>(id), model::kNone);
  // where blocks from these were freed: stacks of their own, of which nothing was freed again
  std::map<std::uint32_t, std::uint32_t> freed;
  for (const auto& [id, index] : index_of) {
    auto stack = session.stack(id);
    if (!stack) return std::move(stack).error();
    if (free_stack(stack->counters) != model::kNone) freed.emplace(stack->counters.freed_by, model::kNone);
  }
  index_of.merge(freed);
  using Content = std::tuple<std::uint16_t, std::uint16_t, std::vector<std::uint64_t>>;
  std::map<Content, std::uint32_t> index_of_content;
  for (auto& [id, index] : index_of) {
    auto stack = session.stack(id);
    if (!stack) return std::move(stack).error();
    model::TraceStack row = trace_stack(*stack, trace.modules.size());
    const auto next = static_cast<std::uint32_t>(trace.stacks.size());
    const auto [found, fresh] = index_of_content.emplace(
        Content(stack->counters.function, stack->counters.truncated, std::move(stack->frames)), next);
    index = found->second;
    if (fresh)
      trace.stacks.push_back(std::move(row));
    else
      add_counters(trace.stacks[index], row);
  }
  const auto renumber = [&](std::uint32_t& id) {
    const auto found = index_of.find(id);
    id = found == index_of.end() ? model::kNone : found->second;
  };
  for_each_id(trace, renumber);
  for (model::TraceStack& stack : trace.stacks)
    renumber(stack.freed_by);
  return {};
}

void tell_truncated(std::span<const std::uint64_t> counts, model::TracerInfo& tracer) {
  std::uint64_t total = 0;
  std::string list;
  for (std::size_t cause = 1; cause < counts.size(); ++cause) {
    if (counts[cause] == 0) continue;
    tracer.truncated_stacks[kTruncated[cause].name] = counts[cause];
    total += counts[cause];
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", counts[cause], kTruncated[cause].reason);
  }
  if (total)
    tracer.notes.push_back(
        fmt::format("the stacks of {} of {} allocations end early: {}", total, tracer.allocations, list));
}

}  // namespace leakgate::capture
