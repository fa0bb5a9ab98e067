// SPDX-License-Identifier: Apache-2.0
// The table of allocation functions, and the step from an object's symbols to planned probes: find, group by
// address, plan.
#include "harness/capture/planner/allocators.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "harness/capture/planner/operator_returns.h"

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
    // jemalloc's and mimalloc's own interfaces. What takes a heap is left out: such heaps are dropped as a
    // whole.
    AllocatorFunction{"mallocx", AllocatorRole::allocate, 0, kNone, kNone, kNone, false, true},
    AllocatorFunction{"rallocx", AllocatorRole::reallocate, 1, kNone, 0, kNone, false, true},
    AllocatorFunction{"dallocx", AllocatorRole::release, kNone, kNone, 0, kNone, false, true},
    AllocatorFunction{"sdallocx", AllocatorRole::release, kNone, kNone, 0, kNone, false, true},
    AllocatorFunction{"mi_malloc_small", AllocatorRole::allocate, 0, kNone, kNone, kNone, false, true},
    AllocatorFunction{"mi_zalloc", AllocatorRole::allocate, 0, kNone, kNone, kNone, false, true},
    AllocatorFunction{"mi_zalloc_small", AllocatorRole::allocate, 0, kNone, kNone, kNone, false, true},
    AllocatorFunction{"mi_mallocn", AllocatorRole::allocate, 1, 0, kNone, kNone, false, true},
    AllocatorFunction{"mi_malloc_aligned", AllocatorRole::allocate, 0, kNone, kNone, kNone, false, true},
    AllocatorFunction{"mi_zalloc_aligned", AllocatorRole::allocate, 0, kNone, kNone, kNone, false, true},
    AllocatorFunction{"mi_calloc_aligned", AllocatorRole::allocate, 1, 0, kNone, kNone, false, true},
    AllocatorFunction{"mi_realloc_aligned", AllocatorRole::reallocate, 1, kNone, 0, kNone, false, true},
    AllocatorFunction{"mi_reallocn", AllocatorRole::reallocate, 2, 1, 0, kNone, false, true},
    AllocatorFunction{"mi_recalloc", AllocatorRole::reallocate, 2, 1, 0, kNone, false, true},
    // last: where one stands at the address of a C function, that one names the probe
    AllocatorFunction{"operator new", AllocatorRole::allocate, 0, kNone, kNone, kNone, false, true, true},
    AllocatorFunction{"operator delete", AllocatorRole::release, kNone, kNone, 0, kNone, false, true},
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

// The replaceable operators, as the Itanium C++ ABI writes them: new and new[], delete and delete[], each
// plain, sized, aligned and nothrow.
constexpr std::array kOperators = {
    Alias{"_Znwm", "operator new"},
    Alias{"_Znam", "operator new"},
    Alias{"_ZnwmRKSt9nothrow_t", "operator new"},
    Alias{"_ZnamRKSt9nothrow_t", "operator new"},
    Alias{"_ZnwmSt11align_val_t", "operator new"},
    Alias{"_ZnamSt11align_val_t", "operator new"},
    Alias{"_ZnwmSt11align_val_tRKSt9nothrow_t", "operator new"},
    Alias{"_ZnamSt11align_val_tRKSt9nothrow_t", "operator new"},
    Alias{"_ZdlPv", "operator delete"},
    Alias{"_ZdaPv", "operator delete"},
    Alias{"_ZdlPvm", "operator delete"},
    Alias{"_ZdaPvm", "operator delete"},
    Alias{"_ZdlPvRKSt9nothrow_t", "operator delete"},
    Alias{"_ZdaPvRKSt9nothrow_t", "operator delete"},
    Alias{"_ZdlPvSt11align_val_t", "operator delete"},
    Alias{"_ZdaPvSt11align_val_t", "operator delete"},
    Alias{"_ZdlPvmSt11align_val_t", "operator delete"},
    Alias{"_ZdaPvmSt11align_val_t", "operator delete"},
    Alias{"_ZdlPvSt11align_val_tRKSt9nothrow_t", "operator delete"},
    Alias{"_ZdaPvSt11align_val_tRKSt9nothrow_t", "operator delete"},
};

const AllocatorFunction* function_named(std::string_view name) {
  for (const std::span<const Alias> aliases :
       {std::span<const Alias>(kAliases), std::span<const Alias>(kOperators)})
    for (const Alias& alias : aliases)
      if (alias.name == name) {
        const auto canonical = std::find_if(kFunctions.begin(), kFunctions.end(),
                                            [&](const auto& f) { return f.name == alias.canonical; });
        return &*canonical;
      }
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
  for (const Alias& alias : kOperators)
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
  const bool has_malloc =
      std::any_of(kept.begin(), kept.end(), [](const Symbol& symbol) { return symbol.name == "malloc"; });
  if (!has_malloc)
    std::erase_if(kept, [](const Symbol& symbol) { return function_named(symbol.name)->beside_malloc; });
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
  needs.with_return = function.with_result();
  needs.may_skip_null_first_argument = function.role == AllocatorRole::release;
  needs.may_move_stack =
      function.role == AllocatorRole::release;  // its programs take no stack and no return address
  needs.long_nops_emulated = long_nops_emulated;
  return needs;
}

using ByAddress = std::map<std::uint64_t, std::vector<Symbol>>;

/// Names and meaning of what stands at one address. Fails where the names disagree about it.
Result<PlannedProbe> name_probe(const ElfImage& image, const std::vector<Symbol>& symbols) {
  PlannedProbe probe;
  for (const Symbol& symbol : symbols) {
    const AllocatorFunction* function = function_named(symbol.name);
    if (probe.function && !same_meaning(*probe.function, *function))
      return Error{ErrorKind::unsupported,
                   "'" + image.path() + "' has '" + std::string(probe.function->name) + "' and '" +
                       symbol.name + "' at one address, which take their arguments differently",
                   {},
                   0};
    // what may throw under one name may throw under all
    const bool stricter = probe.function && function->may_throw && !probe.function->may_throw;
    const bool earlier = probe.function && function < probe.function && !probe.function->may_throw;
    if (!probe.function || stricter || earlier) probe.function = function;
    probe.names.push_back(symbol.name);
  }
  return probe;
}

/// Adds the returns of an operator. False: it goes through functions that have probes of their own, and needs
/// none.
Result<bool> settle_operator(const ElfImage& image, const ByAddress& by_address, std::uint64_t vaddr,
                             PlannedProbe& probe) {
  const SeenFunctions seen{[&](std::uint64_t address) { return by_address.contains(address); },
                           [](std::string_view name) { return function_named(name) != nullptr; }};
  const FunctionReturns returns = find_returns(image, vaddr, seen);
  if (returns.vaddrs.empty() && returns.passes_seen_function && returns.unknown.empty()) return false;
  if (probe.function->role == AllocatorRole::release) return true;
  if (returns.vaddrs.empty()) {
    if (returns.passes_seen_function) return false;
    return Error{ErrorKind::unsupported,
                 "its returns cannot be found" + (returns.unknown.empty() ? "" : ": " + returns.unknown),
                 {},
                 0};
  }
  for (const std::uint64_t address : returns.vaddrs)
    if (const auto offset = image.file_offset(address)) probe.return_offsets.push_back(*offset);
  return true;
}

bool is_operator(const AllocatorFunction& function) {
  return function.name.starts_with("operator");
}

/// The probe for the functions at `vaddr`, or none where they need none.
Result<std::optional<PlannedProbe>> plan_one(const ElfImage& image, const ByAddress& by_address,
                                             std::uint64_t vaddr, PlannedProbe probe,
                                             bool long_nops_emulated) {
  if (is_operator(*probe.function)) {
    auto needed = settle_operator(image, by_address, vaddr, probe);
    if (!needed) return std::move(needed).error();
    if (!*needed) return std::optional<PlannedProbe>();
  }
  // A name without size would keep the probe at the entry; another name of the same code may have one.
  const std::vector<Symbol>& symbols = by_address.at(vaddr);
  const Symbol& sized =
      *std::max_element(symbols.begin(), symbols.end(),
                        [](const Symbol& a, const Symbol& b) { return a.size_bytes < b.size_bytes; });
  auto plan = plan_probe(image, sized, needs_of(*probe.function, long_nops_emulated));
  if (!plan) return std::move(plan).error();
  probe.plan = std::move(*plan);
  probe.with_return = probe.function->with_return();
  return std::optional(std::move(probe));
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
  ByAddress by_address;
  for (Symbol& symbol : defined_functions(image))
    by_address[symbol.vaddr].push_back(std::move(symbol));

  std::vector<RefusedProbe> failures;
  for (const auto& [vaddr, symbols] : by_address) {
    auto named = name_probe(image, symbols);
    if (!named) return std::move(named).error();
    const std::string name(named->function->name);
    auto probe = plan_one(image, by_address, vaddr, std::move(*named), long_nops_emulated);
    if (!probe) {
      failures.push_back({name, std::move(probe).error()});
    } else if (*probe) {
      probes.push_back(std::move(**probe));
    }
  }
  if (probes.empty() && !failures.empty()) return std::move(failures.front().error);
  if (refused) std::move(failures.begin(), failures.end(), std::back_inserter(*refused));
  return probes;
}

}  // namespace leakgate::capture
