// SPDX-License-Identifier: Apache-2.0
// The probe planner: where in a function a probe costs least and still sees every call once, with its
// arguments. In: the function's bytes and where they stand, or an ElfImage and a symbol. Out: one ProbePlan
// with its reason. It attaches nothing. Why it is worth it: a probe on an emulated instruction costs a tenth
// of a single-stepped one.
//
// The chosen instruction is always one that every call passes exactly once: only straight-line code lies
// between it and the function's start, and nothing jumps or is called in between. [rsp] is the return address
// there as it is at the entry, unless `may_move_stack` is set; that is what a return probe replaces, and what
// an unwinder that starts at "CFA = rsp + 8" needs. (endbr64 moves nothing: a return probe behind it is as
// good as one on it.)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/base/elf_image.h"
#include "harness/base/result.h"
#include "harness/capture/planner/x86_instruction.h"

namespace leakgate::capture {

/// What the programs behind a probe need to find at it.
struct ProbeNeeds {
  ArgumentSet arguments =
      0x0f;                  ///< registers that must still hold the caller's values; default: the first four
  bool with_return = false;  ///< a return probe goes to the same place
  bool may_skip_null_first_argument = false;  ///< calls with a null first argument need not be seen (free)
  bool may_move_stack = false;  ///< entry-only probes: rsp may have moved; see ProbePlan::stack_moved_bytes
  bool long_nops_emulated = false;  ///< the kernel emulates multi-byte nops (6.16 and later)
};

/// Code at an address.
struct CodeRange {
  std::span<const std::uint8_t> bytes;
  std::uint64_t vaddr = 0;
};

/// A function to be probed.
struct ProbeTarget {
  CodeRange code;                      ///< its bytes; fewer than size_bytes: the rest is unknown
  std::uint64_t size_bytes = 0;        ///< 0: unknown
  std::uint64_t file_offset = 0;       ///< of its first byte
  std::vector<std::uint64_t> labels;   ///< addresses of other symbols inside it
  std::vector<CodeRange> other_parts;  ///< code of the same function elsewhere (name.cold)
};

/// Where the probe goes.
struct ProbePlan {
  std::uint64_t vaddr = 0;        ///< of the probed instruction, in the file's address space
  std::uint64_t file_offset = 0;  ///< what the uprobe interface takes
  std::uint64_t offset_in_function = 0;
  std::string instruction;  ///< as text
  CostClass cost = CostClass::single_stepped;
  std::int32_t stack_moved_bytes =
      0;               ///< the return address is at [rsp + this]; 0 unless may_move_stack was set
  std::string reason;  ///< one sentence: why there
};

/// Plans a probe. Fails with format where no instruction can be read at the entry, and with unsupported where
/// the kernel takes no probe at the entry and none behind it qualifies.
Result<ProbePlan> plan_probe(const ProbeTarget& target, const ProbeNeeds& needs);

/// The same for `symbol` of `image`: reads the code, the labels inside it and its cold parts. Fails with
/// unsupported for an ifunc (its address is that of the resolver) and for a symbol that is no function.
Result<ProbePlan> plan_probe(const ElfImage& image, const Symbol& symbol, const ProbeNeeds& needs);

/// "emulated" or "single_stepped".
std::string_view to_string(CostClass cost);

}  // namespace leakgate::capture
