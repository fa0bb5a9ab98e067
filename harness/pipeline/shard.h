// SPDX-License-Identifier: Apache-2.0
// Which part of a suite a command runs, read from what the test frameworks and ctest take it from.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/recording.h"

namespace leakgate::pipeline {

/// The part that `command` runs, by Catch2's --shard-count and --shard-index, ctest's -I first,last,stride (a
/// stride of n is n parts), or GoogleTest's GTEST_TOTAL_SHARDS and GTEST_SHARD_INDEX; nothing if none is
/// given or it makes no sense. `variable` gives the value of an environment variable, empty if it is not set.
std::optional<model::Shard> find_shard(const std::vector<std::string>& command,
                                       const std::function<std::string(std::string_view)>& variable);

}  // namespace leakgate::pipeline
