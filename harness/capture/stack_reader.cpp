// SPDX-License-Identifier: Apache-2.0
// Rows of the kernel's table are read once each, in the order of their ids.
#include "harness/capture/stack_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/base/hash64.h"

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
  std::size_t used = std::size(counters.lifetime_log2_ms);
  while (used > 0 && counters.lifetime_log2_ms[used - 1] == 0)
    --used;
  row.lifetime_log2_ms.assign(counters.lifetime_log2_ms, counters.lifetime_log2_ms + used);
  row.frames.reserve(stack.frames.size());
  for (const std::uint64_t frame : stack.frames)
    row.frames.push_back(frame_of(frame, modules));
  return row;
}

/// Adds the counters of a stack that two threads entered at the same moment.
void add_counters(model::TraceStack& to, const model::TraceStack& from) {
  to.allocations += from.allocations;
  to.bytes += from.bytes;
  to.frees += from.frees;
  if (to.freed_by == model::kNone) to.freed_by = from.freed_by;
  to.errors_before = std::max(to.errors_before, from.errors_before);
  if (to.lifetime_log2_ms.size() < from.lifetime_log2_ms.size())
    to.lifetime_log2_ms.resize(from.lifetime_log2_ms.size());
  for (std::size_t i = 0; i < from.lifetime_log2_ms.size(); ++i)
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

/// A stack of the session's.
struct ReadStack {
  std::uint32_t id = 0;
  std::uint32_t index = model::kNone;  ///< in the trace
  StackRow row;
};

/// Tells stacks apart by what they are, not by what happened at them.
struct SameStack {
  std::size_t operator()(const StackRow* stack) const {
    Hash64 hash;
    hash.add_word(std::uint64_t{stack->counters.function} << 16 | stack->counters.truncated);
    for (const std::uint64_t frame : stack->frames)
      hash.add_word(frame);
    return hash.value();
  }
  bool operator()(const StackRow* a, const StackRow* b) const {
    return a->counters.function == b->counters.function && a->counters.truncated == b->counters.truncated &&
           a->frames == b->frames;
  }
};

/// Adds the stacks with these ids, each once, to those that were read, which are in the order of their ids.
Status read_rows(const Session& session, std::vector<std::uint32_t> ids, std::vector<ReadStack>& stacks) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  const auto before = static_cast<std::ptrdiff_t>(stacks.size());
  stacks.reserve(stacks.size() + ids.size());
  for (const std::uint32_t id : ids) {
    auto row = session.stack(id);
    if (!row) return std::move(row).error();
    stacks.push_back({id, model::kNone, std::move(*row)});
  }
  std::inplace_merge(stacks.begin(), stacks.begin() + before, stacks.end(),
                     [](const ReadStack& a, const ReadStack& b) { return a.id < b.id; });
  return {};
}

const ReadStack* find(const std::vector<ReadStack>& stacks, std::uint32_t id) {
  const auto found =
      std::lower_bound(stacks.begin(), stacks.end(), id,
                       [](const ReadStack& stack, std::uint32_t value) { return stack.id < value; });
  return found == stacks.end() || found->id != id ? nullptr : &*found;
}

}  // namespace

model::TraceFrame frame_of(std::uint64_t raw, std::size_t modules) {
  const std::uint64_t module = raw >> LG_FRAME_MODULE_SHIFT;
  return {module < modules ? static_cast<std::uint32_t>(module) : model::kNone, raw & LG_FRAME_ADDR_MASK,
          (raw & LG_FRAME_EXACT) != 0};
}

Status read_stacks(const Session& session, std::uint64_t count, model::Trace& trace) {
  std::vector<std::uint32_t> ids;
  for_each_id(trace, [&](std::uint32_t& id) {
    if (id != 0 && id != model::kNone) ids.push_back(id);
  });
  for (std::uint64_t id = 1; id <= std::min(count, session.stack_capacity()); ++id)
    ids.push_back(static_cast<std::uint32_t>(id));
  std::vector<ReadStack> stacks;
  if (auto read = read_rows(session, std::move(ids), stacks); !read) return read;
  // where blocks from these were freed: stacks of their own, of which nothing was freed again
  std::vector<std::uint32_t> freed;
  for (const ReadStack& stack : stacks)
    if (const std::uint32_t id = free_stack(stack.row.counters);
        id != model::kNone && find(stacks, id) == nullptr)
      freed.push_back(id);
  if (auto read = read_rows(session, std::move(freed), stacks); !read) return read;
  std::unordered_map<const StackRow*, std::uint32_t, SameStack, SameStack> index_of_content(stacks.size());
  trace.stacks.reserve(trace.stacks.size() + stacks.size());
  for (ReadStack& stack : stacks) {
    const auto next = static_cast<std::uint32_t>(trace.stacks.size());
    const auto [found, fresh] = index_of_content.emplace(&stack.row, next);
    stack.index = found->second;
    model::TraceStack row = trace_stack(stack.row, trace.modules.size());
    if (fresh)
      trace.stacks.push_back(std::move(row));
    else
      add_counters(trace.stacks[stack.index], row);
  }
  const auto renumber = [&](std::uint32_t& id) {
    const ReadStack* const found = find(stacks, id);
    id = found == nullptr ? model::kNone : found->index;
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
