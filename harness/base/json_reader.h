// SPDX-License-Identifier: Apache-2.0
// JSON that people write (policies, baselines): a tree whose values know where they stand, so that a
// complaint can name line and column. For small files; recordings are read by nlohmann's parser.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/result.h"

namespace leakgate {

enum class JsonType { null, boolean, number, string, array, object };

struct JsonPlace {
  std::size_t line = 1;    ///< from 1
  std::size_t column = 1;  ///< from 1, in bytes
};

struct JsonValue {
  JsonType type = JsonType::null;
  JsonPlace place;
  bool boolean = false;
  double number = 0;
  std::optional<std::uint64_t> whole;  ///< where the number is written as a whole one that fits
  std::string text;                    ///< of a string; UTF-8
  std::vector<JsonValue> elements;     ///< of an array
  struct Member;
  std::vector<Member> members;  ///< of an object, in their order; names are unique

  /// The member called `name`; nullptr if there is none.
  [[nodiscard]] const JsonValue* find(std::string_view name) const;
};

struct JsonValue::Member {
  std::string name;
  JsonPlace place;
  JsonValue value;
};

/// The value in `text`, as RFC 8259 has it, behind a byte order mark or not. Fails with ErrorKind::format,
/// message "FILE:LINE:COLUMN: ...", if it is no JSON, is nested more than 64 deep, is no valid UTF-8, or
/// names a member twice.
Result<JsonValue> parse_json(std::string_view text, std::string_view file);

/// "an object", "a whole number": for complaints.
[[nodiscard]] std::string_view describe(JsonType type);

}  // namespace leakgate
