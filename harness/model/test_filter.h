// SPDX-License-Identifier: Apache-2.0
// How a test program is asked to run some of its tests. In: the framework and an id or the user's filter.
// Out: one argument.
#pragma once

#include <string>
#include <string_view>

#include "harness/model/recording.h"

namespace leakgate::model {

/// The argument by which a program runs the test `id` alone; empty where `framework` has none.
std::string only_test_argument(Framework framework, std::string_view id);

/// The argument by which a program restricts itself to what `filter`, in the framework's own language, says.
std::string filter_argument(Framework framework, std::string_view filter);

}  // namespace leakgate::model
