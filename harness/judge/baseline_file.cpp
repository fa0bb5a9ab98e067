// SPDX-License-Identifier: Apache-2.0
// leakgate-baseline/1: JSON, one line per entry. An empty object ends the list, so that the last entry's line
// is like all others and two branches that add entries do not meet in one line.
#include <algorithm>

#include <fmt/format.h>

#include "harness/base/json_reader.h"
#include "harness/base/json_writer.h"
#include "harness/base/text.h"
#include "harness/judge/baseline.h"

namespace leakgate::judge {
namespace {

constexpr std::string_view kSchema = "leakgate-baseline/1";
constexpr std::string_view kHint = "leakgate baseline update writes this file; settle merges line by line";

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  Result<Baseline> read(const JsonValue& root) {
    Baseline baseline;
    baseline.file = file_;
    if (root.type != JsonType::object) return complain(root.place, "is not a baseline");
    const auto* schema = root.find("schema");
    if (schema == nullptr || schema->type != JsonType::string ||
        !schema->text.starts_with("leakgate-baseline/"))
      return complain(schema ? schema->place : root.place, "is not a baseline of leakgate");
    if (schema->text != kSchema)
      return complain(schema->place, fmt::format("has version '{}', this leakgate reads {}",
                                                 printable(shorten(schema->text, 40)), kSchema));
    const auto* entries = root.find("entries");
    if (entries == nullptr || entries->type != JsonType::array)
      return complain(entries ? entries->place : root.place, "has no list of entries");
    for (const auto& element : entries->elements) {
      if (element.type != JsonType::object)
        return complain(element.place, "has an entry that is not an object");
      if (element.members.empty()) continue;
      if (!entry(element, baseline)) return error_;
    }
    return baseline;
  }

 private:
  Error complain(JsonPlace place, std::string_view what) {
    return error_ = Error{ErrorKind::format,
                          fmt::format("{}:{}:{}: the baseline {}", file_, place.line, place.column, what),
                          std::string(kHint), 0};
  }

  bool entry(const JsonValue& row, Baseline& baseline) {
    BaselineKey key;
    BaselineEntry entry;
    for (const auto& [name, out] : {std::pair{"test", &key.first},
                                    {"fingerprint", &key.second},
                                    {"site", &entry.site},
                                    {"reason", &entry.reason}}) {
      const auto* value = row.find(name);
      if (value == nullptr) continue;
      if (value->type != JsonType::string)
        return complain(value->place, fmt::format("has a {} that is not a string", name)), false;
      *out = value->text;
    }
    if (key.first.empty() || !key.second.starts_with("lg"))
      return complain(row.place, "has an entry without test or fingerprint"), false;
    for (const auto& [name, out] : {std::pair{"bytes", &entry.bytes}, {"blocks", &entry.blocks}}) {
      const auto* value = row.find(name);
      if (value == nullptr || !value->whole)
        return complain(value ? value->place : row.place,
                        fmt::format("has an entry whose {} are no whole number", name)),
               false;
      *out = *value->whole;
    }
    if (!read_programs(row, entry)) return false;
    const auto [known, fresh] = baseline.entries.emplace(std::move(key), entry);
    if (fresh) return true;
    known->second.bytes = std::max(known->second.bytes, entry.bytes);
    known->second.blocks = std::max(known->second.blocks, entry.blocks);
    if (known->second.reason.empty()) known->second.reason = entry.reason;
    known->second.programs.merge(entry.programs);
    return true;
  }

  bool read_programs(const JsonValue& row, BaselineEntry& entry) {
    const auto* programs = row.find("programs");
    if (programs == nullptr) return true;
    const bool is_list =
        programs->type == JsonType::array &&
        std::all_of(programs->elements.begin(), programs->elements.end(),
                    [](const JsonValue& element) { return element.type == JsonType::string; });
    if (!is_list) return complain(programs->place, "has programs that are not a list of strings"), false;
    for (const auto& element : programs->elements)
      entry.programs.insert(element.text);
    return true;
  }

  std::string file_;
  Error error_;
};

}  // namespace

Result<Baseline> parse_baseline(std::string_view text, std::string_view file) {
  auto root = parse_json(text, file);
  if (!root) return std::move(root).error();
  return Reader(file).read(*root);
}

std::string format_baseline(const Baseline& baseline) {
  JsonWriter out(2);
  out.begin_object();
  out.member("schema", kSchema);
  out.begin_array("entries");
  for (const auto& [key, entry] : baseline.entries) {
    out.begin_object();
    out.member("test", key.first);
    out.member("fingerprint", key.second);
    out.member("bytes", entry.bytes);
    out.member("blocks", entry.blocks);
    if (!entry.site.empty()) out.member("site", entry.site);
    if (!entry.reason.empty()) out.member("reason", entry.reason);
    if (!entry.programs.empty()) {
      out.begin_array("programs");
      for (const auto& program : entry.programs)
        out.string(program);
      out.end_array();
    }
    out.end_object();
  }
  out.begin_object();
  out.end_object();
  out.end_array();
  out.end_object();
  return out.take() + "\n";
}

}  // namespace leakgate::judge
