// SPDX-License-Identifier: Apache-2.0
// Tables behind names.h: one array per enumeration, in the order of its enumerators.
#include "harness/model/names.h"

#include <array>

namespace leakgate::model {
namespace {

template <typename Enum>
struct Names;

#define LEAKGATE_NAMES(Enum, ...)                                                     \
  template <>                                                                         \
  struct Names<Enum> {                                                                \
    static constexpr auto kList = std::to_array<std::string_view>({__VA_ARGS__});     \
  };                                                                                  \
  std::string_view list_name(Enum value) {                                            \
    const auto index = static_cast<std::size_t>(value);                               \
    return index < Names<Enum>::kList.size() ? Names<Enum>::kList[index] : "invalid"; \
  }

LEAKGATE_NAMES(Kind, "definitely_lost", "indirectly_lost", "possibly_lost", "still_reachable", "unclassified")
LEAKGATE_NAMES(Outcome, "passed", "failed", "skipped", "crashed")
LEAKGATE_NAMES(Framework, "none", "gtest", "catch2", "doctest", "boost_test")
LEAKGATE_NAMES(ProcessRole, "judged", "death_test", "replaced", "runner", "running")
LEAKGATE_NAMES(RunVerdict, "pass", "fail", "incomplete")
LEAKGATE_NAMES(TestVerdict, "clean", "leak", "allowed", "incomplete")
LEAKGATE_NAMES(LeakVerdict, "fail", "allowed", "suppressed", "below_threshold")
LEAKGATE_NAMES(Severity, "low", "medium", "high", "critical")
LEAKGATE_NAMES(BaselineState, "none", "new", "unchanged", "grown", "shrunk", "absent")
LEAKGATE_NAMES(SuppressionState, "used", "unused", "expired", "exceeded")
LEAKGATE_NAMES(GrowthPattern, "none", "one_time", "saturating", "replaced", "oscillating", "undecided",
               "linear", "exponential", "stepped")
LEAKGATE_NAMES(LeakPattern, "none", "error_path", "resource", "loop", "one_shot")
LEAKGATE_NAMES(RerunScope, "none", "suspects", "everything")
#undef LEAKGATE_NAMES

}  // namespace

std::string_view name_of(Kind value) {
  return list_name(value);
}
std::string_view name_of(Outcome value) {
  return list_name(value);
}
std::string_view name_of(Framework value) {
  return list_name(value);
}
std::string_view name_of(ProcessRole value) {
  return list_name(value);
}
std::string_view name_of(RunVerdict value) {
  return list_name(value);
}
std::string_view name_of(TestVerdict value) {
  return list_name(value);
}
std::string_view name_of(LeakVerdict value) {
  return list_name(value);
}
std::string_view name_of(Severity value) {
  return list_name(value);
}
std::string_view name_of(BaselineState value) {
  return list_name(value);
}
std::string_view name_of(SuppressionState value) {
  return list_name(value);
}
std::string_view name_of(GrowthPattern value) {
  return list_name(value);
}
std::string_view name_of(LeakPattern value) {
  return list_name(value);
}
std::string_view name_of(RerunScope value) {
  return list_name(value);
}

template <typename Enum>
std::optional<Enum> from_name(std::string_view name) {
  for (std::size_t i = 0; i < Names<Enum>::kList.size(); ++i)
    if (Names<Enum>::kList[i] == name) return static_cast<Enum>(i);
  return std::nullopt;
}

template std::optional<Kind> from_name<Kind>(std::string_view);
template std::optional<Outcome> from_name<Outcome>(std::string_view);
template std::optional<Framework> from_name<Framework>(std::string_view);
template std::optional<ProcessRole> from_name<ProcessRole>(std::string_view);
template std::optional<RunVerdict> from_name<RunVerdict>(std::string_view);
template std::optional<TestVerdict> from_name<TestVerdict>(std::string_view);
template std::optional<LeakVerdict> from_name<LeakVerdict>(std::string_view);
template std::optional<Severity> from_name<Severity>(std::string_view);
template std::optional<BaselineState> from_name<BaselineState>(std::string_view);
template std::optional<SuppressionState> from_name<SuppressionState>(std::string_view);
template std::optional<GrowthPattern> from_name<GrowthPattern>(std::string_view);
template std::optional<RerunScope> from_name<RerunScope>(std::string_view);

}  // namespace leakgate::model
