// SPDX-License-Identifier: Apache-2.0
// Filling the slots of the tables with the symbols that one ELF object has.
// In: mark_tables.h and a symbol look-up. Out: probes and what is missing.
#include "harness/attribute/frameworks.h"

#include <algorithm>
#include <set>

#include "harness/attribute/mark_tables.h"

namespace leakgate::attribute {
namespace {

bool any_exists(const std::vector<std::string>& symbols, const SymbolLookup& lookup) {
  return std::any_of(symbols.begin(), symbols.end(),
                     [&](const std::string& name) { return lookup(name).has_value(); });
}

bool has_required_symbol(const FrameworkVariant& variant, const SymbolLookup& lookup) {
  for (const MarkSlot& slot : variant.slots) {
    if (!slot.required) continue;
    for (const MarkCandidate& candidate : slot.candidates) {
      if (any_exists(candidate.symbols, lookup)) return true;
    }
  }
  return false;
}

bool is_chosen(const FrameworkVariant& variant, const SymbolLookup& lookup) {
  if (!has_required_symbol(variant, lookup)) return false;
  for (const std::vector<std::string>& group : variant.needs) {
    if (!any_exists(group, lookup)) return false;
  }
  if (any_exists(variant.excluded_by, lookup)) return false;
  return variant.fallback || any_exists(variant.evidence, lookup);
}

/// Adds a probe unless that address already has one of this role (constructors have two names for one
/// address).
void add_probe(std::vector<MarkProbe>& probes, const std::string& symbol, std::uint64_t vaddr,
               const MarkLayout& layout) {
  const bool known = std::any_of(probes.begin(), probes.end(), [&](const MarkProbe& probe) {
    return probe.vaddr == vaddr && probe.mark.role == layout.role &&
           probe.mark.when_value == layout.when_value;
  });
  if (!known) probes.push_back({symbol, vaddr, layout});
}

enum class Fill { empty, first_choice, second_choice };

/// Takes the candidates of `slot` that exist.
Fill fill_slot(const MarkSlot& slot, const SymbolLookup& lookup, MarkSet set,
               std::vector<MarkProbe>& probes) {
  const bool each = slot.take == Take::each || (slot.take == Take::each_if_full && set == MarkSet::full);
  Fill fill = Fill::empty;
  bool first = true;
  for (const MarkCandidate& candidate : slot.candidates) {
    if (set == MarkSet::wire_only && needs_extension(candidate.layout)) continue;
    bool taken = false;
    for (const std::string& symbol : candidate.symbols) {
      const std::optional<std::uint64_t> vaddr = lookup(symbol);
      if (!vaddr) continue;
      taken = true;
      add_probe(probes, symbol, *vaddr, candidate.layout);
    }
    if (taken && fill == Fill::empty) fill = first || each ? Fill::first_choice : Fill::second_choice;
    if (taken && !each) break;
    first = false;
  }
  return fill;
}

/// The symbol to name when a slot stayed empty: the first one that this set could have used.
const std::string* wanted_symbol(const MarkSlot& slot, MarkSet set) {
  for (const MarkCandidate& candidate : slot.candidates) {
    if (set == MarkSet::wire_only && needs_extension(candidate.layout)) continue;
    if (!candidate.symbols.empty()) return &candidate.symbols.front();
  }
  return nullptr;
}

/// Without a start there are no windows, and nothing but the forks of death tests is worth a probe.
void drop_idle_probes(std::vector<MarkProbe>& probes, std::size_t from) {
  const auto first = probes.begin() + static_cast<std::ptrdiff_t>(from);
  const bool starts = std::any_of(
      first, probes.end(), [](const MarkProbe& probe) { return probe.mark.role == MarkRole::test_start; });
  if (starts) return;
  probes.erase(std::remove_if(first, probes.end(),
                              [](const MarkProbe& probe) { return probe.mark.role != MarkRole::death_fork; }),
               probes.end());
}

void take_variant(const FrameworkVariant& variant, const SymbolLookup& lookup, MarkSet set,
                  FoundMarks& found) {
  FrameworkPresence presence;
  presence.framework = variant.framework;
  presence.variant = variant.name;
  presence.abi_assumed = !variant.evidence.empty() && !any_exists(variant.evidence, lookup);
  const std::size_t probes_before = found.probes.size();
  std::vector<std::string> missing_optional;
  for (const MarkSlot& slot : variant.slots) {
    const Fill fill = fill_slot(slot, lookup, set, found.probes);
    const std::string* symbol = wanted_symbol(slot, set);
    if (fill == Fill::second_choice) presence.second_choice = true;
    if (fill == Fill::empty && slot.required) presence.complete = false;
    if (fill != Fill::first_choice && symbol) {
      (slot.required ? presence.missing : missing_optional).push_back(*symbol);
    }
  }
  drop_idle_probes(found.probes, probes_before);
  presence.missing.insert(presence.missing.end(), missing_optional.begin(), missing_optional.end());
  found.frameworks.push_back(std::move(presence));
}

}  // namespace

bool needs_extension(const MarkLayout& layout) {
  const auto extended = [](const TextField& field) { return field.kind > TextKind::inline_text; };
  return layout.role > MarkRole::death_fork || layout.outcome_form != OutcomeForm::plain ||
         layout.when_off != kNoOffset || extended(layout.suite) || extended(layout.name);
}

FoundMarks find_marks(const SymbolLookup& lookup, MarkSet set) {
  FoundMarks found;
  std::set<std::string> families;
  for (const FrameworkVariant& variant : framework_variants()) {
    if (families.count(variant.family) != 0 || !is_chosen(variant, lookup)) continue;
    families.insert(variant.family);
    take_variant(variant, lookup, set, found);
  }
  if (set == MarkSet::wire_only) {
    // A file path of an unknown kind is left out, the rest of such a mark is as good as ever.
    for (MarkProbe& probe : found.probes) {
      if (probe.mark.file.kind > TextKind::inline_text) probe.mark.file = {};
    }
  }
  return found;
}

std::vector<std::string> mark_symbols() {
  std::set<std::string> names;
  for (const FrameworkVariant& variant : framework_variants()) {
    names.insert(variant.evidence.begin(), variant.evidence.end());
    names.insert(variant.excluded_by.begin(), variant.excluded_by.end());
    for (const std::vector<std::string>& group : variant.needs)
      names.insert(group.begin(), group.end());
    for (const MarkSlot& slot : variant.slots) {
      for (const MarkCandidate& candidate : slot.candidates) {
        names.insert(candidate.symbols.begin(), candidate.symbols.end());
      }
    }
  }
  return {names.begin(), names.end()};
}

const std::vector<FrameworkVariant>& framework_variants() {
  static const std::vector<FrameworkVariant> variants = [] {
    std::vector<FrameworkVariant> all;
    for (auto make : {gtest_variants, catch2_variants, doctest_variants, boost_test_variants}) {
      for (FrameworkVariant& variant : make())
        all.push_back(std::move(variant));
    }
    return all;
  }();
  return variants;
}

}  // namespace leakgate::attribute
