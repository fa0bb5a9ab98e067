// SPDX-License-Identifier: Apache-2.0
// What adapters/cmake/Leakgate.cmake calls, and nobody else: writing the ctest rows of a test program, and
// being such a row. Both come with the CMake module they belong to, so they may change with it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace leakgate::cli {

/// `ctest-rows OPTIONS -- PROGRAM [ARGS...]` and `ctest-row --rows FILE ...`: runs it and returns the exit
/// status; nothing where `arguments` are another command's.
std::optional<int> run_ctest_command(const std::vector<std::string>& arguments);

}  // namespace leakgate::cli
