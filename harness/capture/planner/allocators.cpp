// SPDX-License-Identifier: Apache-2.0
// The table of allocation functions, and the step from an object's symbols to planned probes: find, group by
// address, plan.
#include "harness/capture/planner/allocators.h"

#include <algorithm>
#include <array>
#include <map>

namespace leakgate::capture {
namespace {

constexpr std::int8_t kNone = kNoArgument;

// name, role, size, count, old pointer, out pointer, rounds up to page
constexpr std::array kFunctions = {
    AllocatorFunction{"malloc", AllocatorRole::allocate, 0, kNone, kNone, kNone, false},
    AllocatorFunction{"calloc", AllocatorRole::allocate, 1, 0, kNone, kNone, false},
    AllocatorFunction{"realloc", AllocatorRole::reallocate, 1, kNone, 0, kNone, false},
    AllocatorFunction{"reallocarray", AllocatorRole::reallocate, 2, 1, 0, kNone, false},
    AllocatorFunction{"aligned_alloc", AllocatorRole::allocate, 1, kNone, kNone, kNone, false},
    AllocatorFunction{"memalign", AllocatorRole::allocate, 1, kNone, kNone, kNone, false},
    AllocatorFunction{"posix_memalign", AllocatorRole::allocate, 2, kNone, kNone, 0, false},
    AllocatorFunction{"valloc", AllocatorRole::allocate, 0, kNone, kNone, kNone, false},
    AllocatorFunction{"pvalloc", AllocatorRole::allocate, 0, kNone, kNone, kNone, true},
    AllocatorFunction{"free", AllocatorRole::release, kNone, kNone, 0, kNone, false},
    AllocatorFunction{"cfree", AllocatorRole::release, kNone, kNone, 0, kNone, false},
    AllocatorFunction{"free_sized", AllocatorRole::release, kNone, kNone, 0, kNone, false},
    AllocatorFunction{"free_aligned_sized", AllocatorRole::release, kNone, kNone, 0, kNone, false},
};

struct Alias {
  std::string_view name, canonical;
};

// glibc's own second names. In a static program libc calls some of these directly.
constexpr std::array kAliases = {
    Alias{"__libc_malloc", "malloc"},     Alias{"__libc_calloc", "calloc"},
    Alias{"__libc_realloc", "realloc"},   Alias{"__libc_reallocarray", "reallocarray"},
    Alias{"__libc_memalign", "memalign"}, Alias{"__posix_memalign", "posix_memalign"},
    Alias{"__libc_valloc", "valloc"},     Alias{"__libc_pvalloc", "pvalloc"},
    Alias{"__libc_free", "free"},         Alias{"__libc_aligned_alloc", "aligned_alloc"},
};

const AllocatorFunction* function_named(std::string_view name) {
  for (const Alias& alias : kAliases)
    if (alias.name == name) name = alias.canonical;
  const auto found =
      std::find_if(kFunctions.begin(), kFunctions.end(), [&](const auto& f) { return f.name == name; });
  return found == kFunctions.end() ? nullptr : &*found;
}

std::vector<std::string_view> all_names() {
  std::vector<std::string_view> names;
  for (const AllocatorFunction& function : kFunctions)
    names.push_back(function.name);
  for (const Alias& alias : kAliases)
    names.push_back(alias.name);
  return names;
}

/// glibc's dynamic linker. Not musl's, which is the C library itself.
bool is_dynamic_linker(const ElfImage& image) {
  const std::string& name = image.soname();
  return name.starts_with("ld-linux") || name.starts_with("ld.so") || name.starts_with("ld64.so");
}

/// A local symbol counts only in a static program, and there only when no global one bears the name:
/// elsewhere a local "free" is somebody's own function.
std::vector<Symbol> defined_functions(const ElfImage& image) {
  std::vector<Symbol> found = image.find_functions(all_names());
  const auto global = [](const Symbol& symbol) { return symbol.bind != SymbolBind::local; };
  const auto unwanted = [&](const Symbol& symbol) {
    if (global(symbol)) return false;
    return !image.is_static() || std::any_of(found.begin(), found.end(), [&](const Symbol& other) {
      return global(other) && other.name == symbol.name;
    });
  };
  std::vector<Symbol> kept;
  std::copy_if(found.begin(), found.end(), std::back_inserter(kept),
               [&](const Symbol& s) { return !unwanted(s); });
  return kept;
}

bool same_meaning(const AllocatorFunction& a, const AllocatorFunction& b) {
  return a.role == b.role && a.size_argument == b.size_argument && a.count_argument == b.count_argument &&
         a.old_pointer_argument == b.old_pointer_argument &&
         a.out_pointer_argument == b.out_pointer_argument && a.rounds_up_to_page == b.rounds_up_to_page;
}

ProbeNeeds needs_of(const AllocatorFunction& function, bool long_nops_emulated) {
  ProbeNeeds needs;
  needs.arguments = 0;
  for (const std::int8_t argument : {function.size_argument, function.count_argument,
                                     function.old_pointer_argument, function.out_pointer_argument})
    if (argument != kNoArgument)
      needs.arguments = static_cast<ArgumentSet>(needs.arguments | (1u << argument));
  needs.with_return = function.with_return();
  needs.may_skip_null_first_argument = function.role == AllocatorRole::release;
  needs.may_move_stack =
      function.role == AllocatorRole::release;  // its programs take no stack and no return address
  needs.long_nops_emulated = long_nops_emulated;
  return needs;
}

}  // namespace

std::span<const AllocatorFunction> allocator_functions() {
  return kFunctions;
}

Result<std::vector<PlannedProbe>> plan_allocator_probes(const ElfImage& image,
                                                        std::vector<RefusedProbe>* refused,
                                                        bool long_nops_emulated) {
  std::vector<PlannedProbe> probes;
  if (is_dynamic_linker(image)) return probes;
  std::map<std::uint64_t, std::vector<Symbol>> by_address;
  for (Symbol& symbol : defined_functions(image))
    by_address[symbol.vaddr].push_back(std::move(symbol));

  std::vector<RefusedProbe> failures;
  for (const auto& [vaddr, symbols] : by_address) {
    PlannedProbe probe;
    for (const Symbol& symbol : symbols) {
      const AllocatorFunction* function = function_named(symbol.name);
      if (probe.function && !same_meaning(*probe.function, *function))
        return Error{ErrorKind::unsupported,
                     "'" + image.path() + "' has '" + std::string(probe.function->name) + "' and '" +
                         symbol.name + "' at one address, which take their arguments differently",
                     {},
                     0};
      if (!probe.function || function < probe.function) probe.function = function;
      probe.names.push_back(symbol.name);
    }
    // A name without size would keep the probe at the entry; another name of the same code may have one.
    const Symbol& sized =
        *std::max_element(symbols.begin(), symbols.end(),
                          [](const Symbol& a, const Symbol& b) { return a.size_bytes < b.size_bytes; });
    auto plan = plan_probe(image, sized, needs_of(*probe.function, long_nops_emulated));
    if (!plan) {
      failures.push_back({std::string(probe.function->name), std::move(plan).error()});
      continue;
    }
    probe.plan = std::move(*plan);
    probe.with_return = probe.function->with_return();
    probes.push_back(std::move(probe));
  }
  if (probes.empty() && !failures.empty()) return std::move(failures.front().error);
  if (refused) std::move(failures.begin(), failures.end(), std::back_inserter(*refused));
  return probes;
}

}  // namespace leakgate::capture
