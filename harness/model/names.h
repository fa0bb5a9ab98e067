// SPDX-License-Identifier: Apache-2.0
// The one spelling of every enumerator of the model, for JSON, XML, messages and the recording file.
#pragma once

#include <optional>
#include <string_view>

#include "harness/model/recording.h"
#include "harness/model/verdict.h"

namespace leakgate::model {

/// Test::id of what a program with a test framework allocates in none of its tests.
inline constexpr std::string_view kOutsideTests = "(outside tests)";

std::string_view name_of(Kind value);
std::string_view name_of(Outcome value);
std::string_view name_of(Framework value);
std::string_view name_of(ProcessRole value);
std::string_view name_of(RunVerdict value);
std::string_view name_of(TestVerdict value);
std::string_view name_of(LeakVerdict value);
std::string_view name_of(Severity value);
std::string_view name_of(BaselineState value);
std::string_view name_of(SuppressionState value);
std::string_view name_of(GrowthPattern value);
std::string_view name_of(LeakPattern value);
std::string_view name_of(RerunScope value);

/// The enumerator spelled `name`; nothing if there is none.
template <typename Enum>
std::optional<Enum> from_name(std::string_view name);

}  // namespace leakgate::model
