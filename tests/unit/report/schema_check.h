// SPDX-License-Identifier: Apache-2.0
// A small JSON Schema validator for tests: the keywords our own schemas use. A keyword it does not know is a
// failure, so that no rule is silently passed over.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace leakgate::test {

/// What is wrong with `value` under `schema`: "path: complaint", one per finding; empty if it is valid.
std::vector<std::string> schema_errors(const nlohmann::json& schema, const nlohmann::json& value);

}  // namespace leakgate::test
