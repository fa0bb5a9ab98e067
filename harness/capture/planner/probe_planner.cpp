// SPDX-License-Identifier: Apache-2.0
// Walks the head of a function in a straight line, collects the instructions a probe may sit on, and takes
// the first the kernel emulates; when there is none, the entry. The rest of the function is only searched for
// ways back into the head.
#include "harness/capture/planner/probe_planner.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace leakgate::capture {
namespace {

constexpr std::size_t kMaxHeadInstructions = 24;
constexpr std::uint64_t kMaxScanBytes = 256u << 10;
constexpr std::uint64_t kUnknownSizeBytes = 64;
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

/// An instruction in the head on which a probe sees every call.
struct Candidate {
  std::uint64_t offset = 0;
  Instruction instruction;
  std::int32_t stack_moved_bytes = 0;
  bool skips_null = false;  ///< stands behind the branch that leaves on a null first argument
};

struct Head {
  std::vector<Candidate> candidates;
  bool cut_by_limit = false;  ///< more instructions would qualify, were it not for the HeadLimit
};

/// How far behind the entry a probe may stand, and why no further.
struct HeadLimit {
  std::uint64_t first_shared_offset = kNoLimit;  ///< nothing at or behind this offset may be chosen
  std::string reason;                            ///< empty without limit

  void lower(std::uint64_t offset, std::string why) {
    if (offset >= first_shared_offset) return;
    first_shared_offset = offset;
    reason = std::move(why);
  }
};

std::string at_offset(std::uint64_t offset) {
  return "+" + std::to_string(offset);
}

/// Lowers `limit` for every way `code` leads back behind the start of the function at [start, start + size).
void search_ways_in(const InstructionDecoder& decoder, const CodeRange& code, std::uint64_t start,
                    std::uint64_t size, HeadLimit& limit) {
  const auto inside = [&](std::uint64_t address) { return address > start && address - start < size; };
  if (code.bytes.size() > kMaxScanBytes)
    return limit.lower(1, "the function is too long to be searched for loops");
  for (std::size_t at = 0; at < code.bytes.size();) {
    const std::uint64_t here = code.vaddr + at;
    const auto instruction = decoder.decode(code.bytes.subspan(at), here);
    if (!instruction)
      return limit.lower(
          1, "the code at " + at_offset(here - start) + " cannot be decoded, so loops cannot be excluded");
    for (const auto& address : {instruction->target, instruction->address_taken})
      if (address && inside(*address))
        limit.lower(*address - start,
                    "the code at " + at_offset(here - start) + " leads to " + at_offset(*address - start));
    if (instruction->may_use_jump_table)
      limit.lower(1, "the jump at " + at_offset(here - start) +
                         " may go through a table to anywhere in the function");
    at += instruction->length_bytes;
  }
}

HeadLimit limit_of(const InstructionDecoder& decoder, const ProbeTarget& target) {
  HeadLimit limit;
  if (target.size_bytes == 0 || target.code.bytes.size() < target.size_bytes) {
    limit.lower(1, "the function's extent is not known, so loops cannot be excluded");
    return limit;
  }
  const std::uint64_t start = target.code.vaddr;
  for (const std::uint64_t label : target.labels)
    if (label > start && label - start < target.size_bytes)
      limit.lower(label - start, "another symbol stands at " + at_offset(label - start));
  search_ways_in(decoder, {target.code.bytes.first(target.size_bytes), start}, start, target.size_bytes,
                 limit);
  for (const CodeRange& part : target.other_parts)
    search_ways_in(decoder, part, start, target.size_bytes, limit);
  return limit;
}

/// The instructions every call executes once, arguments and (as needed) stack pointer still as at the entry.
Head walk_head(const InstructionDecoder& decoder, const ProbeTarget& target, const ProbeNeeds& needs,
               const HeadLimit& limit) {
  Head head;
  std::vector<Candidate>& candidates = head.candidates;
  const bool may_move_stack = needs.may_move_stack && !needs.with_return;
  std::uint64_t offset = 0;
  std::int32_t moved_bytes = 0;
  bool zero_flag_is_null_test = false;
  bool skips_null = false;
  while (candidates.size() < kMaxHeadInstructions && offset < target.code.bytes.size() &&
         offset < limit.first_shared_offset) {
    const auto instruction = decoder.decode(target.code.bytes.subspan(offset), target.code.vaddr + offset);
    if (!instruction) break;
    candidates.push_back({offset, *instruction, moved_bytes, skips_null});

    // May anything behind this instruction still be chosen?
    if ((instruction->written_arguments & needs.arguments) != 0) break;
    if (instruction->flow == Flow::conditional_branch) {
      const bool leaves_on_null = zero_flag_is_null_test && instruction->branches_if_zero;
      if (!needs.may_skip_null_first_argument || !leaves_on_null) break;
      skips_null = true;
    } else if (instruction->flow != Flow::next) {
      break;
    }
    if (instruction->moves_stack_pointer) {
      if (!may_move_stack || !instruction->stack_growth_bytes) break;
      moved_bytes += *instruction->stack_growth_bytes;
      if (moved_bytes < 0) break;
    }
    if ((instruction->written_arguments & 1u) != 0) zero_flag_is_null_test = false;
    if (instruction->writes_flags) zero_flag_is_null_test = instruction->tests_first_argument;
    offset += instruction->length_bytes;
  }
  head.cut_by_limit = offset >= limit.first_shared_offset;
  return head;
}

const Candidate* choose(const std::vector<Candidate>& candidates) {
  const auto emulated = [](const Candidate& c) {
    return c.instruction.cost == CostClass::emulated && !c.instruction.refused;
  };
  // Behind the null test the same probe costs nothing for a null argument: that beats an earlier one.
  for (const Candidate& candidate : candidates)
    if (candidate.skips_null && emulated(candidate)) return &candidate;
  for (const Candidate& candidate : candidates)
    if (emulated(candidate)) return &candidate;
  for (const Candidate& candidate : candidates)
    if (!candidate.instruction.refused) return &candidate;
  return nullptr;
}

/// GCC moves unlikely code to name.cold, under whichever of the function's names it was compiled. Adds those
/// parts to `target` as views into the bytes it returns.
std::vector<std::vector<std::uint8_t>> read_cold_parts(const ElfImage& image, std::uint64_t vaddr,
                                                       ProbeTarget& target) {
  std::vector<std::string> names;
  for (const Symbol& alias : image.functions_at(vaddr))
    names.push_back(alias.name + ".cold");
  const std::vector<std::string_view> wanted(names.begin(), names.end());
  const std::vector<Symbol> parts = image.find_functions(wanted);
  std::vector<std::vector<std::uint8_t>> code;
  code.reserve(parts.size());
  for (const Symbol& part : parts) {
    if (part.size_bytes == 0) continue;
    auto bytes = image.read_code(part.vaddr, std::min(part.size_bytes, kMaxScanBytes));
    if (!bytes) continue;
    code.push_back(std::move(*bytes));
    target.other_parts.push_back({code.back(), part.vaddr});
  }
  return code;
}

std::string reason_for(const Candidate& chosen, const std::string& limit_reason, const Instruction& entry) {
  const bool emulated = chosen.instruction.cost == CostClass::emulated;
  if (chosen.offset == 0 && emulated) return "the kernel emulates the first instruction";
  if (emulated && chosen.skips_null)
    return "the kernel emulates it, and it stands behind the branch that leaves on a null argument";
  if (emulated) return "first instruction the kernel emulates that every call passes once, arguments intact";
  if (entry.refused && chosen.offset != 0)
    return std::string("the kernel takes no probe at the entry (") + entry.refused +
           "); this is the next place";
  if (!limit_reason.empty()) return "at the entry: " + limit_reason;
  return "at the entry: no instruction the kernel emulates comes before the arguments, the stack or the path "
         "change";
}

}  // namespace

std::string_view to_string(CostClass cost) {
  return cost == CostClass::emulated ? "emulated" : "single_stepped";
}

Result<ProbePlan> plan_probe(const ProbeTarget& target, const ProbeNeeds& needs) {
  const InstructionDecoder decoder(needs.long_nops_emulated);
  const HeadLimit limit = limit_of(decoder, target);
  const Head head = walk_head(decoder, target, needs, limit);
  const std::vector<Candidate>& candidates = head.candidates;
  if (candidates.empty())
    return Error{ErrorKind::format, "no instruction can be decoded at the function's entry", {}, 0};
  const Instruction& entry = candidates.front().instruction;
  const Candidate* chosen = choose(candidates);
  if (!chosen)
    return Error{ErrorKind::unsupported,
                 std::string("the kernel takes no probe at the function's entry: ") + entry.refused,
                 {},
                 0};
  ProbePlan plan;
  plan.offset_in_function = chosen->offset;
  plan.vaddr = target.code.vaddr + chosen->offset;
  plan.file_offset = target.file_offset + chosen->offset;
  plan.instruction = decoder.text(target.code.bytes.subspan(chosen->offset), plan.vaddr);
  plan.cost = chosen->instruction.cost;
  plan.stack_moved_bytes = chosen->stack_moved_bytes;
  plan.reason = reason_for(*chosen, head.cut_by_limit ? limit.reason : std::string(), entry);
  return plan;
}

Result<ProbePlan> plan_probe(const ElfImage& image, const Symbol& symbol, const ProbeNeeds& needs) {
  const std::string what = "'" + symbol.name + "' in '" + image.path() + "'";
  if (symbol.kind == SymbolKind::ifunc)
    return Error{
        ErrorKind::unsupported,
        what + " is an ifunc: its address is that of the resolver, which runs once, not of the function",
        {},
        0};
  if (symbol.kind != SymbolKind::function)
    return Error{ErrorKind::unsupported, what + " is no function", {}, 0};
  const auto offset = image.file_offset(symbol.vaddr);
  if (!offset) return Error{ErrorKind::format, what + " has no code in the file", {}, 0};

  ProbeTarget target;
  target.size_bytes = symbol.size_bytes;
  target.file_offset = *offset;
  // A long function is not read whole: the planner then knows that it does not know the rest.
  const std::uint64_t wanted =
      symbol.size_bytes == 0 ? kUnknownSizeBytes : std::min(symbol.size_bytes, kMaxScanBytes);
  auto code = image.read_code(symbol.vaddr, wanted);
  for (std::uint64_t less = wanted; !code && less > 1;)
    code = image.read_code(symbol.vaddr, less /= 2);
  if (!code) return std::move(code).error().with_context(what);
  target.code = {*code, symbol.vaddr};
  target.labels = image.code_labels(symbol.vaddr, symbol.vaddr + code->size() - 1);

  const std::vector<std::vector<std::uint8_t>> cold_code = read_cold_parts(image, symbol.vaddr, target);
  auto plan = plan_probe(target, needs);
  if (!plan) return std::move(plan).error().with_context(what);
  return plan;
}

}  // namespace leakgate::capture
