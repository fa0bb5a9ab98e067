// SPDX-License-Identifier: Apache-2.0
// The policy as a file, leakgate.json: schema/leakgate-policy-1.schema.json is its definition.
#pragma once

#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/judge/policy.h"

namespace leakgate::judge {

/// The policy in `text`; the files it names are left to be read. Fails with ErrorKind::format, message
/// "FILE:LINE:COLUMN: ...", hint: what is allowed there.
Result<Policy> parse_policy(std::string_view text, std::string_view file);

/// `policy` as such a file, with everything that holds, defaults included. parse_policy reads it back.
std::string format_policy(const Policy& policy);

}  // namespace leakgate::judge
