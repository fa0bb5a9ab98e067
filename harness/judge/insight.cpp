// SPDX-License-Identifier: Apache-2.0
// Sentences and filters, by table; see insight.h.
#include "harness/judge/insight.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/judge/resources.h"
#include "harness/judge/site.h"
#include "harness/model/test_filter.h"

namespace leakgate::judge {
namespace {

/// What an allocation function hands to its caller, and how it is given back.
std::string_view by_function(std::string_view function, bool in_container) {
  if (in_container)
    return "The block belongs to a standard container or string: see what should have destroyed the object "
           "that holds it.";
  if (function.starts_with("operator new[]"))
    return "Delete the array with delete[], or hold it in std::vector or std::unique_ptr<T[]>.";
  if (function.starts_with("operator new"))
    return "Delete the object, or hold it in std::unique_ptr from the line that makes it.";
  if (function == "strdup" || function == "strndup" || function == "asprintf" || function == "vasprintf" ||
      function == "getline")
    return "Free the string when it is no longer used: the caller of this function owns it.";
  return "Free the block when it is no longer used, or hold it in an owner that does, such as "
         "std::unique_ptr with a deleter.";
}

/// The function that the user's code called: operator new is a frame, not the allocation function.
std::string_view called(const model::Leak& leak) {
  for (std::size_t i = 0; i < leak.stack.size() && i < leak.site; ++i) {
    std::string_view function = leak.stack[i].function;
    function.remove_prefix(std::min(function.find_first_not_of('_'), function.size()));
    if (function.starts_with("operator new") || function == "strdup" || function == "strndup" ||
        function == "asprintf" || function == "vasprintf" || function == "getline")
      return function;
  }
  return leak.function;
}

std::string_view error_path_advice(const Candidate& candidate) {
  if (candidate.thrown_after)
    return "An exception was thrown while it was held: hold it in an owner from the line that makes it, so "
           "that every way out frees it.";
  return "An assertion failed while it was held: what stands below a fatal one is not reached, so hold it in "
         "an owner from the line that makes it.";
}

/// `text` as one word of a POSIX shell.
std::string shell_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text)
    c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

}  // namespace

model::LeakPattern pattern_of(const Candidate& candidate) {
  if (!candidate.kept_by.empty()) return model::LeakPattern::none;
  const bool reachable = candidate.leak.kind == model::Kind::still_reachable;
  if (!reachable && (candidate.thrown_after || candidate.failed_after)) return model::LeakPattern::error_path;
  // the C library keeps a list of open files: one that nobody closes is reachable for ever
  if (!resource_advice(candidate.leak).empty()) return model::LeakPattern::resource;
  if (reachable) return model::LeakPattern::none;
  if (candidate.most_blocks_on_a_path > 1) return model::LeakPattern::loop;
  return candidate.leak.blocks == 1 ? model::LeakPattern::one_shot : model::LeakPattern::none;
}

void add_insight(Candidate& candidate) {
  model::Leak& leak = candidate.leak;
  leak.pattern = pattern_of(candidate);
  leak.recommendation = recommendation_for(leak);
  if (leak.pattern == model::LeakPattern::error_path && resource_advice(leak).empty() && !leak.cycle)
    leak.recommendation = error_path_advice(candidate);
  if (leak.freed_by.empty()) return;
  const std::vector<model::VerdictFrame> frames(leak.freed_by.begin(), leak.freed_by.end());
  leak.freed_site = find_site(frames, owners_of(frames));
}

std::string_view recommendation_for(const model::Leak& leak) {
  if (const auto advice = resource_advice(leak); !advice.empty()) return advice;
  if (leak.cycle) return "Break the cycle: make one of the pointers that hold each other a weak one.";
  switch (leak.kind) {
    case model::Kind::indirectly_lost:
      return "Look for the lost block that owns this one: freeing it properly usually frees this too.";
    case model::Kind::possibly_lost:
      return "See whether the pointer into the middle of the block is how it is owned; if not, free the "
             "block.";
    case model::Kind::still_reachable:
      return "Clear what holds the block when the test ends, or allow this site if it is to live as long as "
             "the process.";
    case model::Kind::definitely_lost:
    case model::Kind::unclassified:
      break;
  }
  const auto* history = leak.stack.history();
  if (history != nullptr && history->frees > 0 &&
      history->frees >= history->allocations - history->allocations / 4)
    return "Most blocks from this line are freed: look for the path that leaves without doing so, such as an "
           "early return or an exception.";
  bool in_container = false;
  for (std::size_t i = 0; i < leak.stack.size() && i < leak.site; ++i)
    in_container = in_container || qualified_name(leak.stack[i].function).starts_with("std::");
  return by_function(called(leak), in_container);
}

std::string rerun_command(const model::Test& test, const model::Recording& recording) {
  constexpr std::size_t kMaxIdBytes = 4096;
  if (test.outside || test.process >= recording.processes.size() || test.id.size() > kMaxIdBytes) return {};
  const auto& process = recording.processes[test.process];
  if (process.exe.empty() || printable(process.exe) != process.exe || printable(test.id) != test.id)
    return {};
  const std::string program = "leakgate run -- " + shell_word(process.exe);
  if (const auto argument = model::only_test_argument(test.framework, test.id); !argument.empty())
    return fmt::format("{} {}", program, shell_word(argument));
  std::string command = program;
  for (std::size_t i = 1; i < process.args.size() && i < 64; ++i) {
    if (printable(process.args[i]) != process.args[i] || command.size() > kMaxIdBytes) return {};
    command += " " + shell_word(process.args[i]);
  }
  return command;
}

}  // namespace leakgate::judge
