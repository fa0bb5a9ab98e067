// SPDX-License-Identifier: Apache-2.0
// The validator behind schema_check.h.
#include "tests/unit/report/schema_check.h"

#include <regex>
#include <set>

namespace leakgate::test {
namespace {

using Json = nlohmann::json;

class Validator {
 public:
  explicit Validator(const Json& root) : root_(root) {}
  void check(const Json& schema, const Json& value, const std::string& path);
  std::vector<std::string> errors;

 private:
  void complain(const std::string& path, const std::string& what) { errors.push_back(path + ": " + what); }
  void check_object(const Json& schema, const Json& value, const std::string& path);
  void check_number(const Json& schema, const Json& value, const std::string& path);
  const Json& root_;
};

bool has_type(const std::string& type, const Json& value) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  if (type == "integer") return value.is_number_integer();
  return false;
}

void Validator::check_object(const Json& schema, const Json& value, const std::string& path) {
  if (schema.contains("required"))
    for (const auto& name : schema["required"])
      if (!value.contains(name)) complain(path, "lacks " + name.get<std::string>());
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, member] : value.items()) {
    if (properties.contains(name))
      check(properties[name], member, path + "." + name);
    else if (schema.contains("additionalProperties") && schema["additionalProperties"].is_object())
      check(schema["additionalProperties"], member, path + "." + name);
    else if (schema.contains("additionalProperties") && schema["additionalProperties"] == false)
      complain(path, "has " + name + ", which is not allowed");
  }
}

void Validator::check_number(const Json& schema, const Json& value, const std::string& path) {
  if (schema.contains("minimum") && value < schema["minimum"]) complain(path, "is below the minimum");
  if (schema.contains("maximum") && value > schema["maximum"]) complain(path, "is above the maximum");
}

void Validator::check(const Json& schema, const Json& value, const std::string& path) {
  static const std::set<std::string> kKnown = {
      "$schema",     "$id",    "$defs",    "$ref",       "title",
      "description", "type",   "required", "properties", "additionalProperties",
      "items",       "enum",   "const",    "anyOf",      "minimum",
      "maximum",     "pattern"};
  for (const auto& [keyword, unused] : schema.items())
    if (kKnown.count(keyword) == 0)
      complain(path, "the schema uses " + keyword + ", which this validator does not know");
  if (schema.contains("$ref")) {
    const auto reference = schema["$ref"].get<std::string>();
    check(root_.at(Json::json_pointer(reference.substr(1))), value, path);
  }
  if (schema.contains("const") && value != schema["const"])
    complain(path, "is not " + schema["const"].dump());
  if (schema.contains("enum") &&
      std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
    complain(path, value.dump() + " is not one of " + schema["enum"].dump());
  if (schema.contains("type")) {
    const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    const bool fits =
        std::any_of(types.begin(), types.end(), [&](const Json& type) { return has_type(type, value); });
    if (!fits) return complain(path, "is not " + types.dump());
  }
  if (schema.contains("anyOf")) {
    const bool fits = std::any_of(schema["anyOf"].begin(), schema["anyOf"].end(), [&](const Json& choice) {
      Validator one(root_);
      one.check(choice, value, path);
      return one.errors.empty();
    });
    if (!fits) complain(path, "fits none of the choices");
  }
  if (value.is_object()) check_object(schema, value, path);
  if (value.is_number()) check_number(schema, value, path);
  if (value.is_string() && schema.contains("pattern") &&
      !std::regex_search(value.get<std::string>(), std::regex(schema["pattern"].get<std::string>())))
    complain(path, "does not match " + schema["pattern"].get<std::string>());
  if (value.is_array() && schema.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i)
      check(schema["items"], value[i], path + "[" + std::to_string(i) + "]");
}

}  // namespace

std::vector<std::string> schema_errors(const Json& schema, const Json& value) {
  Validator validator(schema);
  validator.check(schema, value, "$");
  return validator.errors;
}

}  // namespace leakgate::test
