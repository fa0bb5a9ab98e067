// SPDX-License-Identifier: Apache-2.0
// JSON -> Policy. Every object's members stand in one list that is both what is understood and what the hint
// offers.
#include <functional>

#include <fmt/format.h>

#include "harness/base/json_reader.h"
#include "harness/base/text.h"
#include "harness/judge/growth.h"
#include "harness/judge/policy_file.h"
#include "harness/model/names.h"

namespace leakgate::judge {
namespace {

constexpr std::string_view kSchema = "leakgate-policy/1";
constexpr std::size_t kMaxElements = 10000;
constexpr std::string_view kGrowthPatterns =
    "one_time, saturating, replaced, oscillating, undecided, linear, exponential, stepped";

struct Member {
  std::string_view name;
  std::function<void(const JsonValue&)> read;
};
using Members = std::vector<Member>;

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) { policy_.file = file; }

  Result<Policy> read(const JsonValue& root) {
    Members members = rule_members(policy_.rules);
    const auto limits = [this](const JsonValue& v) {
      object(v, {{"run", [this](const JsonValue& x) { limit(x, policy_.run); }},
                 {"binary", [this](const JsonValue& x) { limit(x, policy_.binary); }},
                 {"test", [this](const JsonValue& x) { limit(x, policy_.rules.test); }},
                 {"site", [this](const JsonValue& x) { limit(x, policy_.rules.site); }}});
    };
    members.back().read = limits;  // rule_members ends with limits, of which the whole policy has more
    const Members own = {
        {"schema",
         [this](const JsonValue& v) {
           if (v.type != JsonType::string || v.text != kSchema)
             complain(v.place, "schema is not one this leakgate reads", kSchema);
         }},
        {"$schema", [](const JsonValue&) {}},
        {"memory_limit_bytes", [this](const JsonValue& v) { whole(v, policy_.memory_limit_bytes); }},
        {"focus", [this](const JsonValue& v) { filter(v, policy_.focus); }},
        {"exclude", [this](const JsonValue& v) { filter(v, policy_.exclude); }},
        {"severity", [this](const JsonValue& v) { each(v, [this](const JsonValue& x) { severity(x); }); }},
        {"suppressions", [this](const JsonValue& v) { texts(v, policy_.suppression_files); }},
        {"fail_unused_suppressions",
         [this](const JsonValue& v) { flag(v, policy_.fail_unused_suppressions); }},
        {"fail_expired_suppressions",
         [this](const JsonValue& v) { flag(v, policy_.fail_expired_suppressions); }},
        {"baseline", [this](const JsonValue& v) { text(v, policy_.baseline_file); }},
        {"overrides",
         [this](const JsonValue& v) { each(v, [this](const JsonValue& x) { override_row(x); }); }}};
    members.insert(members.end(), own.begin(), own.end());
    object(root, members);
    check_contradictions(root);
    if (!error_.message.empty()) return error_;
    return std::move(policy_);
  }

 private:
  void complain(JsonPlace place, std::string_view what, std::string_view allowed) {
    if (!error_.message.empty()) return;
    error_ = Error{ErrorKind::format, fmt::format("{}:{}:{}: {}", file_, place.line, place.column, what),
                   fmt::format("allowed here: {}", allowed), 0};
  }

  bool expect(const JsonValue& value, JsonType type) {
    if (value.type == type) return true;
    complain(value.place, fmt::format("{} stands where {} is wanted", describe(value.type), describe(type)),
             describe(type));
    return false;
  }

  void object(const JsonValue& value, const Members& members) {
    if (!expect(value, JsonType::object)) return;
    for (const auto& member : value.members) {
      if (!error_.message.empty()) return;
      const auto known = std::find_if(members.begin(), members.end(),
                                      [&](const Member& m) { return m.name == member.name; });
      if (known != members.end()) {
        known->read(member.value);
        continue;
      }
      std::string names;
      for (const auto& one : members)
        (names += names.empty() ? "" : ", ") += one.name;
      complain(member.place, fmt::format("'{}' is not known", printable(shorten(member.name, 60))), names);
    }
  }

  void each(const JsonValue& value, const std::function<void(const JsonValue&)>& read) {
    if (!expect(value, JsonType::array)) return;
    if (value.elements.size() > kMaxElements)
      return complain(value.place, "the list is too long", fmt::format("{} elements", kMaxElements));
    for (const auto& element : value.elements)
      if (error_.message.empty()) read(element);
  }

  void text(const JsonValue& value, std::string& out) {
    if (!expect(value, JsonType::string)) return;
    if (value.text.empty())
      return complain(value.place, "the text is empty", "a text of one character or more");
    out = value.text;
  }
  void texts(const JsonValue& value, std::vector<std::string>& out) {
    each(value, [&](const JsonValue& element) { text(element, out.emplace_back()); });
  }
  void flag(const JsonValue& value, bool& out) {
    if (expect(value, JsonType::boolean)) out = value.boolean;
  }
  template <typename Out>
  void whole(const JsonValue& value, Out& out) {
    if (!value.whole || *value.whole > (std::uint64_t{1} << 62))
      return complain(value.place, "this is no whole number from 0 to 2^62", "a whole number, as in 4096");
    out = *value.whole;
  }
  void seconds(const JsonValue& value, std::optional<double>& out) {
    constexpr double kYear = 365.0 * 24 * 3600;
    if (value.type != JsonType::number || !(value.number >= 0 && value.number <= kYear))
      return complain(value.place, "this is no number of seconds", "a number from 0 to 31536000, as in 0.5");
    out = value.number;
  }
  void share(const JsonValue& value, std::optional<double>& out) {
    if (value.type != JsonType::number || !(value.number >= 0 && value.number <= 1))
      return complain(value.place, "this is no probability", "a number from 0 to 1, as in 0.8");
    out = value.number;
  }
  void limit(const JsonValue& value, Limit& out) {
    object(value, {{"bytes", [&](const JsonValue& x) { whole(x, out.bytes); }},
                   {"blocks", [&](const JsonValue& x) { whole(x, out.blocks); }}});
  }
  void filter(const JsonValue& value, Filter& out) {
    object(value, {{"functions", [&](const JsonValue& x) { texts(x, out.functions); }},
                   {"modules", [&](const JsonValue& x) { texts(x, out.modules); }},
                   {"paths", [&](const JsonValue& x) { texts(x, out.paths); }},
                   {"tests", [&](const JsonValue& x) { texts(x, out.tests); }}});
  }

  template <typename Enum, typename Out>
  void name(const JsonValue& value, std::string_view allowed, Out take) {
    const auto known = value.type == JsonType::string ? model::from_name<Enum>(value.text) : std::nullopt;
    known ? take(*known) : complain(value.place, "this is none of the names that are known", allowed);
  }
  void kinds(const JsonValue& value, std::set<model::Kind>& out) {
    each(value, [&](const JsonValue& element) {
      name<model::Kind>(element,
                        "definitely_lost, indirectly_lost, possibly_lost, still_reachable, unclassified",
                        [&](model::Kind kind) {
                          if (!out.insert(kind).second)
                            complain(element.place, "this kind is there twice", "each kind once");
                        });
    });
  }

  void growth(const JsonValue& value, TestRules& rules) {
    const auto patterns = [&](const JsonValue& v) {
      auto& out = rules.growth_fails.emplace();
      each(v, [&](const JsonValue& element) {
        name<model::GrowthPattern>(element, kGrowthPatterns, [&](model::GrowthPattern pattern) {
          if (pattern == model::GrowthPattern::none || !out.insert(pattern).second)
            complain(element.place, "this cannot be named, or is there twice", kGrowthPatterns);
        });
      });
    };
    object(value, {{"fail", patterns},
                   {"min_bytes_per_round", [&](const JsonValue& v) { whole(v, rules.growth_min_bytes); }},
                   {"min_rounds", [&](const JsonValue& v) { min_rounds(v, rules); }},
                   {"only", [&](const JsonValue& v) { flag(v, rules.growth_only.emplace()); }}});
  }

  void min_rounds(const JsonValue& value, TestRules& rules) {
    whole(value, rules.growth_min_rounds);
    if (rules.growth_min_rounds.value_or(kFewestRounds) < kFewestRounds)
      complain(value.place, "fewer rounds tell nothing", fmt::format("{} and more", kFewestRounds));
  }

  Members rule_members(TestRules& rules) {
    return {{"fail_kinds", [&, this](const JsonValue& v) { kinds(v, rules.failing_kinds.emplace()); }},
            {"min_size_bytes", [&, this](const JsonValue& v) { whole(v, rules.min_size_bytes); }},
            {"min_blocks", [&, this](const JsonValue& v) { whole(v, rules.min_blocks); }},
            {"min_tests", [&, this](const JsonValue& v) { whole(v, rules.min_tests); }},
            {"min_age_s", [&, this](const JsonValue& v) { seconds(v, rules.min_age_s); }},
            {"min_age_tests", [&, this](const JsonValue& v) { whole(v, rules.min_age_tests); }},
            {"min_confidence", [&, this](const JsonValue& v) { share(v, rules.min_confidence); }},
            {"growth", [&, this](const JsonValue& v) { growth(v, rules); }},
            {"fail_flaky", [&, this](const JsonValue& v) { flag(v, rules.fail_flaky.emplace()); }},
            {"limits", [&, this](const JsonValue& v) {
               object(v, {{"test", [&](const JsonValue& x) { limit(x, rules.test); }},
                          {"site", [&](const JsonValue& x) { limit(x, rules.site); }}});
             }}};
  }

  void override_row(const JsonValue& value) {
    auto& row = policy_.overrides.emplace_back();
    Members members = rule_members(row.rules);
    members.push_back({"tests", [&](const JsonValue& v) { texts(v, row.tests); }});
    object(value, members);
    if (row.tests.empty()) complain(value.place, "the override names no tests", "\"tests\": a list of globs");
    if (row.rules == TestRules())
      complain(value.place, "the override sets nothing", "fail_kinds, min_size_bytes, limits, ...");
  }

  void severity(const JsonValue& value) {
    auto& rule = policy_.severities.emplace_back();
    bool named = false;
    object(value, {{"severity",
                    [&](const JsonValue& v) {
                      name<model::Severity>(v, "low, medium, high, critical",
                                            [&](model::Severity s) { rule.severity = s; });
                      named = true;
                    }},
                   {"kinds", [&](const JsonValue& v) { kinds(v, rule.kinds); }},
                   {"min_bytes", [&](const JsonValue& v) { whole(v, rule.min_bytes); }},
                   {"min_blocks", [&](const JsonValue& v) { whole(v, rule.min_blocks); }},
                   {"tests", [&](const JsonValue& v) { texts(v, rule.tests); }}});
    if (!named)
      complain(value.place, "the rule names no severity", "\"severity\": low, medium, high or critical");
  }

  /// What can be written and cannot be meant.
  void check_contradictions(const JsonValue& root) {
    if (!error_.message.empty()) return;
    check_all_limits(root);
    if (const auto* overrides = root.find("overrides"))
      for (const JsonValue& row : overrides->elements)
        check_all_limits(row);
    const auto *focus = root.find("focus"), *exclude = root.find("exclude");
    if (focus != nullptr && exclude != nullptr)
      for (const char* what : {"functions", "modules", "paths", "tests"})
        check_globs(focus->find(what), exclude->find(what), what);
    if (policy_.rules.growth_only.value_or(false) && policy_.rules.growth_fails &&
        policy_.rules.growth_fails->empty())
      complain(root.find("growth")->find("only")->place, "nothing but growth fails, and no growth does",
               "\"fail\": a list of linear, exponential, stepped");
  }

  void check_globs(const JsonValue* focus, const JsonValue* exclude, const char* what) {
    if (focus == nullptr || exclude == nullptr) return;
    for (const JsonValue& glob : focus->elements)
      for (const JsonValue& other : exclude->elements)
        if (glob.text == other.text)
          complain(
              other.place,
              fmt::format("{} '{}' are both in focus and excluded", what, printable(shorten(glob.text, 60))),
              "each glob in one of them");
  }

  void check_all_limits(const JsonValue& rules) {
    if (const auto* limits = rules.find("limits"))
      for (const auto& [inner, outer] : {std::pair{"site", "test"},
                                         {"test", "binary"},
                                         {"test", "run"},
                                         {"binary", "run"},
                                         {"site", "run"}})
        check_limits(*limits, inner, outer);
  }

  /// The limit of the smaller scope must not be above that of the larger.
  void check_limits(const JsonValue& limits, const char* inner, const char* outer) {
    const auto *small = limits.find(inner), *large = limits.find(outer);
    if (small == nullptr || large == nullptr) return;
    for (const char* unit : {"bytes", "blocks"}) {
      const auto *low = small->find(unit), *high = large->find(unit);
      if (low != nullptr && high != nullptr && low->whole > high->whole)
        complain(low->place,
                 fmt::format("the limit of a {} in {} is above that of the {}", inner, unit, outer),
                 fmt::format("at most {}", high->whole.value_or(0)));
    }
  }

  std::string file_;
  Policy policy_;
  Error error_;
};

}  // namespace

Result<Policy> parse_policy(std::string_view text, std::string_view file) {
  auto root = parse_json(text, file);
  if (!root) return std::move(root).error();
  return Reader(file).read(*root);
}

}  // namespace leakgate::judge
