// SPDX-License-Identifier: Apache-2.0
// Slips on the command line that the option parser would tell in words about something else. In: the words in
// front of "--". Out: what is wrong with them, if it is one of these slips.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/result.h"

namespace leakgate::cli {

/// Fails with usage where the first word is no option and none of `commands`; names the one it is close to.
Status check_command(std::span<const std::string> words, const std::vector<std::string>& commands);

/// The first word of the form --name=, of which the parser says that a value is missing.
std::optional<std::string> option_without_value(std::span<const std::string> words);

}  // namespace leakgate::cli
