// SPDX-License-Identifier: Apache-2.0
// The allocation functions leakgate knows, as data, and the probes an object needs because it defines some of
// them. In: an ElfImage. Out: one planned probe per address. It does not decide which object serves a
// process.
//
// Whoever defines malloc (glibc, musl, jemalloc, tcmalloc, mimalloc, a static program, the program itself)
// defines it under that name. The operators new and delete are probed only in an object that defines malloc
// too, and only where they do not go through it: elsewhere they end in the C functions. An exception may
// leave operator new, and a return probe on such a function ends the program: its `ret` instructions are
// probed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/elf_image.h"
#include "harness/base/result.h"
#include "harness/capture/planner/probe_planner.h"

namespace leakgate::capture {

/// What a call does to the set of live blocks.
enum class AllocatorRole { allocate, reallocate, release };

/// Stands for "no such argument".
inline constexpr std::int8_t kNoArgument = -1;

/// One allocation function. Arguments are numbered from 0 (rdi).
struct AllocatorFunction {
  std::string_view name;  ///< canonical; what reports call it
  AllocatorRole role = AllocatorRole::allocate;
  std::int8_t size_argument = kNoArgument;         ///< bytes, or bytes per element where there is a count
  std::int8_t count_argument = kNoArgument;        ///< number of elements: calloc, reallocarray
  std::int8_t old_pointer_argument = kNoArgument;  ///< block it takes: realloc, reallocarray, the free family
  std::int8_t out_pointer_argument =
      kNoArgument;                 ///< where it stores the block: posix_memalign; else it returns the block
  bool rounds_up_to_page = false;  ///< pvalloc: the block is the size rounded up to whole pages
  bool beside_malloc =
      false;               ///< counts only in an object that defines malloc: the name alone says too little
  bool may_throw = false;  ///< operator new: no return probe, its `ret` instructions are probed

  /// Yields a block: its result is wanted.
  [[nodiscard]] constexpr bool with_result() const { return role != AllocatorRole::release; }
  /// Needs a return probe.
  [[nodiscard]] constexpr bool with_return() const { return with_result() && !may_throw; }
};

/// All of them. Where several stand at one address (glibc: aligned_alloc and memalign; free and cfree), the
/// earlier one in this order names the probe; functions that ever share an address agree in role and
/// arguments.
std::span<const AllocatorFunction> allocator_functions();

/// A probe to be attached.
struct PlannedProbe {
  const AllocatorFunction* function = nullptr;  ///< semantics; lives for ever
  std::vector<std::string> names;               ///< all known names at this address, sorted
  ProbePlan plan;  ///< place of the entry probe, and of the return probe if there is one
  bool with_return = false;
  std::vector<std::uint64_t>
      return_offsets;  ///< in the file: the `ret` instructions that end a call (operator new)
};

/// An allocation function the object defines and that cannot be probed; calls to it go unseen.
struct RefusedProbe {
  std::string name;
  Error error;
};

/// Plans a probe for each allocation function `image` defines, ordered by address. Empty for an object that
/// merely imports them, and for the dynamic linker, whose own small malloc serves it alone. Functions that
/// cannot be probed (ifunc, code the kernel refuses) are appended to `refused` where given. Fails with
/// unsupported if nothing defined can be probed, or if one address bears functions of different meaning.
Result<std::vector<PlannedProbe>> plan_allocator_probes(const ElfImage& image,
                                                        std::vector<RefusedProbe>* refused = nullptr,
                                                        bool long_nops_emulated = false);

}  // namespace leakgate::capture
