// SPDX-License-Identifier: Apache-2.0
// leakgate in Valgrind's place: `leakgate -q --tool=memcheck --log-file=F ... COMMAND`, as `ctest -T
// memcheck` calls the program it was given. In: such arguments. Out: the same wish in leakgate's own words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/cli/options.h"

namespace leakgate::cli {

/// Whether these arguments are meant for Valgrind: no command of leakgate's, an option of Valgrind's first.
bool is_valgrind_call(const std::vector<std::string>& arguments);

/// The options of such a call. Whatever says how memory is checked otherwise than for leaks is passed over,
/// as is how much is shown. Fails with usage for another tool than memcheck, or where there is no command.
Result<Options> parse_valgrind_call(const std::vector<std::string>& arguments);

}  // namespace leakgate::cli
