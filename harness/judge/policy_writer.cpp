// SPDX-License-Identifier: Apache-2.0
// Policy -> JSON, in the order of the schema; see policy_file.h.
#include "harness/base/json_writer.h"
#include "harness/judge/growth.h"
#include "harness/judge/policy_file.h"
#include "harness/model/names.h"

namespace leakgate::judge {
namespace {

void list(JsonWriter& out, std::string_view name, const std::vector<std::string>& texts,
          bool always = false) {
  if (texts.empty() && !always) return;
  out.begin_array(name);
  for (const auto& text : texts)
    out.string(text);
  out.end_array();
}

void kinds(JsonWriter& out, std::string_view name, const std::set<model::Kind>& values) {
  out.begin_array(name);
  for (const auto kind : values)
    out.string(model::name_of(kind));
  out.end_array();
}

void number(JsonWriter& out, std::string_view name, const std::optional<std::uint64_t>& value) {
  if (value) out.member(name, *value);
}

void limit(JsonWriter& out, std::string_view name, const Limit& value) {
  if (!value.any()) return;
  out.begin_object(name);
  number(out, "bytes", value.bytes);
  number(out, "blocks", value.blocks);
  out.end_object();
}

void filter(JsonWriter& out, std::string_view name, const Filter& value) {
  if (value.empty()) return;
  out.begin_object(name);
  list(out, "functions", value.functions);
  list(out, "modules", value.modules);
  list(out, "paths", value.paths);
  list(out, "tests", value.tests);
  out.end_object();
}

void growth(JsonWriter& out, const TestRules& value) {
  if (!value.growth_fails && !value.growth_min_bytes && !value.growth_min_rounds && !value.growth_only)
    return;
  out.begin_object("growth");
  if (value.growth_fails) {
    out.begin_array("fail");
    for (const auto pattern : *value.growth_fails)
      out.string(model::name_of(pattern));
    out.end_array();
  }
  number(out, "min_bytes_per_round", value.growth_min_bytes);
  number(out, "min_rounds", value.growth_min_rounds);
  if (value.growth_only) out.member("only", *value.growth_only);
  out.end_object();
}

void rules(JsonWriter& out, const TestRules& value) {
  if (value.failing_kinds) kinds(out, "fail_kinds", *value.failing_kinds);
  number(out, "min_size_bytes", value.min_size_bytes);
  number(out, "min_blocks", value.min_blocks);
  number(out, "min_tests", value.min_tests);
  if (value.min_age_s) {
    out.key("min_age_s");
    out.decimal(*value.min_age_s, 6);
  }
  number(out, "min_age_tests", value.min_age_tests);
  growth(out, value);
  if (value.fail_flaky) out.member("fail_flaky", *value.fail_flaky);
  if (value.min_confidence) {
    out.key("min_confidence");
    out.decimal(*value.min_confidence, 6);
  }
}

void severity(JsonWriter& out, const SeverityRule& rule) {
  out.begin_object();
  out.member("severity", model::name_of(rule.severity));
  if (!rule.kinds.empty()) kinds(out, "kinds", rule.kinds);
  if (rule.min_bytes > 0) out.member("min_bytes", rule.min_bytes);
  if (rule.min_blocks > 0) out.member("min_blocks", rule.min_blocks);
  list(out, "tests", rule.tests);
  out.end_object();
}

void override_row(JsonWriter& out, const Override& row) {
  out.begin_object();
  list(out, "tests", row.tests, true);
  rules(out, row.rules);
  if (row.rules.test.any() || row.rules.site.any()) {
    out.begin_object("limits");
    limit(out, "test", row.rules.test);
    limit(out, "site", row.rules.site);
    out.end_object();
  }
  out.end_object();
}

/// What is not said, said.
TestRules with_defaults(TestRules value) {
  if (!value.failing_kinds) value.failing_kinds = default_failing_kinds();
  if (!value.min_size_bytes) value.min_size_bytes = 0;
  if (!value.min_blocks) value.min_blocks = 0;
  if (!value.min_tests) value.min_tests = 0;
  if (!value.min_age_s) value.min_age_s = 0;
  if (!value.min_age_tests) value.min_age_tests = 0;
  if (!value.growth_fails) value.growth_fails = default_failing_growth(*value.failing_kinds);
  if (!value.growth_min_bytes) value.growth_min_bytes = 0;
  if (!value.growth_min_rounds) value.growth_min_rounds = kFewestRounds;
  if (!value.growth_only) value.growth_only = false;
  if (!value.fail_flaky) value.fail_flaky = true;
  if (!value.min_confidence) value.min_confidence = 0;
  return value;
}

}  // namespace

std::string format_policy(const Policy& policy) {
  JsonWriter out(2);
  out.begin_object();
  out.member("schema", "leakgate-policy/1");
  rules(out, with_defaults(policy.rules));
  out.begin_object("limits");
  limit(out, "run", policy.run);
  limit(out, "binary", policy.binary);
  limit(out, "test", policy.rules.test);
  limit(out, "site", policy.rules.site);
  out.end_object();
  filter(out, "focus", policy.focus);
  filter(out, "exclude", policy.exclude);
  if (!policy.severities.empty()) {
    out.begin_array("severity");
    for (const auto& rule : policy.severities)
      severity(out, rule);
    out.end_array();
  }
  list(out, "suppressions", policy.suppression_files, true);
  out.member("fail_unused_suppressions", policy.fail_unused_suppressions);
  out.member("fail_expired_suppressions", policy.fail_expired_suppressions);
  if (!policy.baseline_file.empty()) out.member("baseline", policy.baseline_file);
  if (!policy.overrides.empty()) {
    out.begin_array("overrides");
    for (const auto& row : policy.overrides)
      override_row(out, row);
    out.end_array();
  }
  out.end_object();
  return out.take() + "\n";
}

}  // namespace leakgate::judge
