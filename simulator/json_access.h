// SPDX-License-Identifier: Apache-2.0
// Reading members of a JSON object that may lack them or have them with another type; never throws.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace leakgate::simulator {

/// Member `key` of `object`, or nullptr.
inline const nlohmann::json* member(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

/// A string member; empty where there is none.
inline std::string text_of(const nlohmann::json& object, const char* key) {
  const nlohmann::json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

/// A whole number that is not negative; 0 where there is none.
inline std::uint64_t number_of(const nlohmann::json& object, const char* key) {
  const nlohmann::json* value = member(object, key);
  return value != nullptr && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
}

/// The same, bounded to a line number.
inline std::uint32_t line_of(const nlohmann::json& object, const char* key) {
  const std::uint64_t value = number_of(object, key);
  return value > std::numeric_limits<std::uint32_t>::max() ? 0 : static_cast<std::uint32_t>(value);
}

inline bool flag_of(const nlohmann::json& object, const char* key) {
  const nlohmann::json* value = member(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

}  // namespace leakgate::simulator
