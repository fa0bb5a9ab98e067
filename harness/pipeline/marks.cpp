// SPDX-License-Identifier: Apache-2.0
// Looks up all framework symbols and translates what attribute says into what capture takes.
#include "harness/pipeline/marks.h"

#include <map>
#include <string_view>

#include "harness/attribute/frameworks.h"

namespace leakgate::pipeline {
namespace {

capture::MarkField field(const attribute::TextField& text) {
  return {text.off, static_cast<std::uint8_t>(text.kind)};
}

capture::Mark translate(const attribute::MarkProbe& probe) {
  const attribute::MarkLayout& layout = probe.mark;
  capture::Mark mark;
  mark.vaddr = probe.vaddr;
  mark.role = static_cast<std::uint8_t>(layout.role);
  mark.framework = layout.framework;
  mark.argument = layout.arg;
  mark.deref = layout.deref;
  mark.suite = field(layout.suite);
  mark.name = field(layout.name);
  mark.file = field(layout.file);
  mark.line_offset = layout.line_off;
  mark.outcome_argument = layout.outcome_arg;
  mark.failed_mask = layout.failed_mask;
  mark.skipped_mask = layout.skipped_mask;
  mark.outcome_form = static_cast<std::uint8_t>(layout.outcome_form);
  mark.when_offset = layout.when_off;
  mark.when_value = static_cast<std::uint8_t>(layout.when_value);
  mark.failed_offset = layout.failed_off;
  mark.skipped_offset = layout.skipped_off;
  return mark;
}

}  // namespace

std::vector<capture::Mark> find_framework_marks(const ElfImage& image) {
  static const std::vector<std::string> names = attribute::mark_symbols();
  const std::vector<std::string_view> wanted(names.begin(), names.end());
  std::map<std::string, std::uint64_t, std::less<>> addresses;
  for (const Symbol& symbol : image.find_functions(wanted))
    addresses.emplace(symbol.name, symbol.vaddr);
  std::vector<capture::Mark> marks;
  if (addresses.empty()) return marks;
  const auto lookup = [&](std::string_view name) -> std::optional<std::uint64_t> {
    const auto found = addresses.find(name);
    return found == addresses.end() ? std::nullopt : std::optional(found->second);
  };
  for (const attribute::MarkProbe& probe : attribute::find_marks(lookup, attribute::MarkSet::full).probes)
    marks.push_back(translate(probe));
  return marks;
}

}  // namespace leakgate::pipeline
