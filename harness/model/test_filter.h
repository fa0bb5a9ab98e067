// SPDX-License-Identifier: Apache-2.0
// How a test program is asked to run some of its tests. In: the framework and an id, the user's filter, or
// the arguments that it got. Out: one argument, or whether all tests were asked for.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/recording.h"

namespace leakgate::model {

/// The argument by which a program runs the test `id` alone; empty where `framework` has none.
std::string only_test_argument(Framework framework, std::string_view id);

/// The argument by which a program restricts itself to what `filter`, in the framework's own language, says.
std::string filter_argument(Framework framework, std::string_view filter);

/// Whether a program that got `args` (its name first) may have been asked for some of its tests alone; true
/// where that cannot be told. Options that say which of several parts it runs count unless `all_parts` is
/// set.
bool may_choose_tests(Framework framework, const std::vector<std::string>& args, bool all_parts);

/// Whether a program that got `args` (its name first) ran sections of tests alone: such a test has ended, and
/// not all of it was run.
bool chooses_sections(Framework framework, const std::vector<std::string>& args);

/// The first variable by which an environment restricts test programs to some of their tests, parts aside;
/// empty if there is none. `variable` gives a variable's value, empty if it is not set.
std::string choosing_variable(const std::function<std::string(std::string_view)>& variable);

}  // namespace leakgate::model
