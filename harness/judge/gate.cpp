// SPDX-License-Identifier: Apache-2.0
// The order of the rules is their rank: what happened to the process, whose allocation it was, focus,
// suppressions, kind, size, age, frequency, baseline, limits from the smallest scope to the largest.
#include "harness/judge/gate.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "harness/base/glob.h"
#include "harness/base/saturated.h"
#include "harness/base/text.h"
#include "harness/judge/confidence.h"
#include "harness/judge/forecast.h"
#include "harness/judge/growth.h"
#include "harness/judge/growth_rules.h"
#include "harness/judge/insight.h"
#include "harness/judge/rounds.h"
#include "harness/judge/site.h"
#include "harness/model/names.h"

namespace leakgate::judge {
namespace {

using model::LeakVerdict;
using model::Recording;

constexpr std::size_t kMaxLimitsSaid = 20;

/// What is known of when they became lost, where it was not at the end of their own test.
std::string when_lost(const model::Leak& leak, const model::Recording& recording) {
  if (leak.lost_after < recording.tests.size())
    return fmt::format(", since the end of '{}'", recording.tests[leak.lost_after].id);
  return leak.lost_at_end ? ", since the process ended" : "";
}

std::string_view what_is_known(model::Kind kind) {
  switch (kind) {
    case model::Kind::definitely_lost:
      return "nothing points at them any more";
    case model::Kind::indirectly_lost:
      return "only lost blocks point at them";
    case model::Kind::possibly_lost:
      return "only pointers into their middle are left";
    case model::Kind::still_reachable:
      return "something still points at them";
    case model::Kind::unclassified:
      break;
  }
  return "whether something still points at them was not examined";
}

void set(model::Leak& leak, LeakVerdict verdict, std::string reason) {
  leak.verdict = verdict;
  leak.reason = std::move(reason);
}

/// The signal that ended the process while this leak's window was open, or 0.
int signal_in_window(const Candidate& candidate, const Recording& recording) {
  if (candidate.process >= recording.processes.size()) return 0;
  const auto* process = &recording.processes[candidate.process];
  if (!process->exit.signal) return 0;
  const auto& test = recording.tests[candidate.leak.test];
  const bool window_closed = test.complete && test.outcome != model::Outcome::crashed && !test.outside;
  return window_closed ? 0 : *process->exit.signal;
}

/// "480 of at most 100 bytes"
std::string against(std::uint64_t value, std::uint64_t limit, std::string_view noun) {
  return fmt::format("{} of at most {}", value, counted(limit, noun));
}

bool in_stack(const Filter& filter, const model::Leak& leak) {
  if (filter.functions.empty() && filter.modules.empty() && filter.paths.empty()) return false;
  return std::any_of(leak.stack.begin(), leak.stack.end(), [&](const model::VerdictFrame& frame) {
    return (!frame.function.empty() &&
            (any_glob_matches(filter.functions, frame.function) ||
             any_glob_matches(filter.functions, qualified_name(frame.function)))) ||
           any_glob_matches(filter.modules, frame.module) ||
           any_glob_matches(filter.modules, base_name(frame.module)) ||
           std::any_of(filter.paths.begin(), filter.paths.end(),
                       [&](const std::string& glob) { return path_glob_matches(glob, frame.file); });
  });
}

class Gate {
 public:
  Gate(std::vector<Candidate>& candidates, const Recording& recording, const Policy& policy,
       model::Verdict& verdict)
      : candidates_(candidates),
        recording_(recording),
        policy_(policy),
        verdict_(verdict),
        rounds_(recording),
        accepted_rounds_(recording, Processes::runs) {}

  void apply() {
    growth_ = find_growth(candidates_, recording_, growth_scope(policy_));
    set_confidence(candidates_, growth_, recording_);
    if (auto note = too_few_rounds(recording_); !note.empty())
      verdict_.tracer.notes.push_back(std::move(note));
    count_tests();
    match_suppressions();
    for (std::size_t i = 0; i < candidates_.size(); ++i)
      judge(i);
    compare_baseline();
    limit_sites();
    limit_tests();
    limit_binaries();
    limit_run();
    for (auto& candidate : candidates_)
      add_insight(candidate);
  }

 private:
  [[nodiscard]] std::string_view program_of(const Candidate& candidate) const {
    return candidate.process < recording_.processes.size() ? recording_.processes[candidate.process].exe
                                                           : std::string_view();
  }

  const std::string& test_id(const model::Leak& leak) const { return recording_.tests[leak.test].id; }

  const TestRules& rules(const model::Leak& leak) {
    const auto [it, fresh] = rules_.try_emplace(leak.test);
    if (fresh) it->second = policy_.rules_for(test_id(leak));
    return it->second;
  }

  /// In how many tests each fingerprint leaks (rounds of a test are one test), and how many tests came after
  /// each test in its process.
  void count_tests() {
    std::map<std::uint32_t, std::uint64_t> after;
    tests_after_.resize(recording_.tests.size());
    for (std::size_t i = recording_.tests.size(); i-- > 0;)
      if (!recording_.tests[i].outside) tests_after_[i] = after[recording_.tests[i].process]++;
    if (!needs_frequency()) return;
    std::set<std::tuple<std::string_view, std::string_view, std::string_view>> seen;
    for (const auto& candidate : candidates_)
      if (seen.emplace(candidate.leak.fingerprint, program_of(candidate), test_id(candidate.leak)).second)
        ++tests_with_[candidate.leak.fingerprint];
  }

  [[nodiscard]] bool needs_frequency() const {
    return policy_.rules.min_tests.value_or(0) > 0 ||
           std::any_of(policy_.overrides.begin(), policy_.overrides.end(),
                       [](const Override& row) { return row.rules.min_tests.value_or(0) > 0; });
  }

  /// The first suppression that matches has the leak; its own limits are over all it has.
  void match_suppressions() {
    suppressed_by_.assign(candidates_.size(), policy_.suppressions.size());
    verdict_.suppressions.resize(policy_.suppressions.size());
    for (std::size_t s = 0; s < policy_.suppressions.size(); ++s) {
      const auto& suppression = policy_.suppressions[s];
      auto& use = verdict_.suppressions[s];
      use = {
          suppression.text,   suppression.source, model::SuppressionState::unused, 0, 0, 0, suppression.owner,
          suppression.reason, suppression.expires};
      RunAmount amount;
      for (std::size_t i = 0; i < candidates_.size(); ++i) {
        const auto& leak = candidates_[i].leak;
        if (suppressed_by_[i] != policy_.suppressions.size() || !candidates_[i].kept_by.empty() ||
            !suppression.matches(leak, test_id(leak)))
          continue;
        suppressed_by_[i] = s;
        ++use.leaks;
        amount.add(leak.test, {leak.bytes, leak.blocks});
      }
      const Amount total = amount.total(accepted_rounds_);
      use.bytes = total.bytes;
      use.blocks = total.blocks;
      if (use.leaks > 0) use.state = model::SuppressionState::used;
      if ((suppression.max_bytes && use.bytes > *suppression.max_bytes) ||
          (suppression.max_blocks && use.blocks > *suppression.max_blocks))
        use.state = model::SuppressionState::exceeded;
      if (suppression.expired(recording_.run.started)) use.state = model::SuppressionState::expired;
      complain_of(use);
    }
  }

  /// By option, a suppression that does nothing any more fails the gate.
  void complain_of(const model::SuppressionUse& use) {
    const bool fails = (use.state == model::SuppressionState::unused && policy_.fail_unused_suppressions) ||
                       (use.state == model::SuppressionState::expired && policy_.fail_expired_suppressions);
    if (fails) say_limit(fmt::format("{}: the suppression is {}", use.source, model::name_of(use.state)));
  }

  void say_limit(std::string sentence) {
    if (verdict_.limits_exceeded.size() < kMaxLimitsSaid)
      verdict_.limits_exceeded.push_back(std::move(sentence));
  }

  /// Whether the suppression that has this leak hides it, and what is said where it does not.
  bool suppress(std::size_t index, std::string& though) {
    const auto s = suppressed_by_[index];
    if (s == policy_.suppressions.size()) return false;
    const auto& suppression = policy_.suppressions[s];
    const auto& use = verdict_.suppressions[s];
    if (use.state == model::SuppressionState::expired) {
      though = fmt::format("; its suppression {} expired on {}", suppression.source, suppression.expires);
      return false;
    }
    if (use.state == model::SuppressionState::exceeded) {
      though = fmt::format("; more than its suppression {} allows", suppression.source);
      return false;
    }
    set(candidates_[index].leak, LeakVerdict::suppressed,
        fmt::format("suppressed by {}{}", suppression.source,
                    suppression.reason.empty() ? "" : ": " + suppression.reason));
    return true;
  }

  void judge(std::size_t index) {
    auto& candidate = candidates_[index];
    model::Leak& leak = candidate.leak;
    leak.severity = policy_.severity(leak, test_id(leak));
    if (const int signal = signal_in_window(candidate, recording_))
      return set(leak, LeakVerdict::allowed,
                 fmt::format("the process died by signal {} before it could free them", signal));
    if (!candidate.kept_by.empty())
      return set(leak, LeakVerdict::allowed, fmt::format("allocated by {} for itself", candidate.kept_by));
    if (out_of_focus(leak)) return;
    std::string though;
    if (suppress(index, though)) return;
    const Growth& growth = growth_[index];
    if (growth.last_round) leak.growth = facts_of(growth, candidate);
    const std::string grown = growth_words(growth, rules(leak)) + recurrence_words(leak.recurrence);
    if (!rules(leak).failing_kinds->count(leak.kind) && !fails_by_growth(growth, rules(leak)))
      return set(leak, LeakVerdict::allowed,
                 fmt::format("{} blocks do not fail under this policy{}", model::name_of(leak.kind), grown));
    if (below_threshold(leak)) return;
    if (std::string why = why_passes(growth, leak.recurrence, rules(leak)); !why.empty())
      return set(leak, LeakVerdict::below_threshold, std::move(why));
    const std::string allocator = leak.function.empty() ? "" : " by " + leak.function;
    set(leak, LeakVerdict::fail,
        fmt::format("allocated{} and never freed; {}{}{}{}", allocator, what_is_known(leak.kind),
                    when_lost(leak, recording_), grown, though));
  }

  std::shared_ptr<const model::LeakGrowth> facts_of(const Growth& growth, const Candidate& candidate) {
    auto facts = growth_facts(growth);
    if (facts == nullptr || !policy_.memory_limit_bytes) return facts;
    GrowthSoFar so_far{growth.pattern, growth.added_bytes, 0, 0};
    for (const auto& other : candidates_)
      if (other.process == candidate.process)
        so_far.held_bytes = add_saturated(so_far.held_bytes, other.leak.bytes);
    for (const auto& test : recording_.tests)
      if (test.process == candidate.process && test.id == test_id(candidate.leak))
        so_far.round_s += static_cast<double>(test.duration_us) / 1e6 / static_cast<double>(growth.rounds);
    facts->forecast = forecast(so_far, *policy_.memory_limit_bytes);
    return facts;
  }

  bool out_of_focus(model::Leak& leak) {
    const Filter &focus = policy_.focus, &exclude = policy_.exclude;
    const bool has_stack_focus = !focus.functions.empty() || !focus.modules.empty() || !focus.paths.empty();
    if ((!focus.tests.empty() && !any_glob_matches(focus.tests, test_id(leak))) ||
        (has_stack_focus && !in_stack(focus, leak)))
      return set(leak, LeakVerdict::allowed, "outside the focus of this policy"), true;
    if (any_glob_matches(exclude.tests, test_id(leak)) || in_stack(exclude, leak))
      return set(leak, LeakVerdict::allowed, "excluded by this policy"), true;
    return false;
  }

  bool below_threshold(model::Leak& leak) {
    const TestRules& rule = rules(leak);
    const auto below = [&](std::string reason) {
      set(leak, LeakVerdict::below_threshold, std::move(reason));
      return true;
    };
    if (leak.bytes < rule.min_size_bytes.value_or(0))
      return below(fmt::format("smaller than the minimum size of {}", counted(*rule.min_size_bytes, "byte")));
    if (leak.blocks < rule.min_blocks.value_or(0))
      return below(fmt::format("fewer than the minimum of {}", counted(*rule.min_blocks, "block")));
    if (static_cast<double>(leak.age_max_ms) < rule.min_age_s.value_or(0) * 1000.0)
      return below(fmt::format("younger than the minimum age of {:g} s", *rule.min_age_s));
    const bool has_window = !recording_.tests[leak.test].outside;
    if (has_window && tests_after_[leak.test] < rule.min_age_tests.value_or(0))
      return below(fmt::format("survived {} of at least {}", tests_after_[leak.test],
                               counted(*rule.min_age_tests, "test")));
    if (leak.confidence < rule.min_confidence.value_or(0))
      return below(fmt::format("confidence {:.3f} is below the minimum of {:g}", leak.confidence,
                               *rule.min_confidence));
    if (rule.min_tests.value_or(0) > 0 && tests_with_[leak.fingerprint] < *rule.min_tests)
      return below(fmt::format("leaks in {} of at least {}", tests_with_[leak.fingerprint],
                               counted(*rule.min_tests, "test")));
    return false;
  }

  /// Test and fingerprint by which the baseline may know `leak`. What a program leaks outside tests is known
  /// as such also where a filter, or a part of the suite, left no test to be outside of.
  std::pair<std::string_view, std::string_view> accepted_as(const model::Leak& leak) const {
    const std::string& id = test_id(leak);
    if (!is_whole_process(recording_.tests[leak.test], recording_.processes)) return {id, leak.fingerprint};
    const auto& entries = policy_.baseline->entries;
    const auto outside = entries.find({std::string(model::kOutsideTests), leak.fingerprint});
    const bool is_known = outside != entries.end() && outside->second.programs.contains(id) &&
                          !entries.contains({id, leak.fingerprint});
    return {is_known ? model::kOutsideTests : std::string_view(id), leak.fingerprint};
  }

  void compare_baseline() {
    if (!policy_.baseline) return;
    std::map<std::pair<std::string_view, std::string_view>, RunAmount> amounts;
    std::map<std::pair<std::string_view, std::string_view>, std::set<std::string>> programs;
    std::map<std::pair<std::string_view, std::string_view>, std::string> sites;
    for (const auto& candidate : candidates_) {
      const model::Leak& leak = candidate.leak;
      if (leak.verdict != LeakVerdict::fail) continue;
      const auto key = accepted_as(leak);
      amounts[key].add(leak.test, {leak.bytes, leak.blocks});
      if (auto program = program_file(recording_, candidate.process); !program.empty())
        programs[key].insert(std::move(program));
      auto& site = sites[key];
      if (!site.empty() || leak.site >= leak.stack.size()) continue;
      const auto frame = leak.stack[leak.site];
      const auto file = base_name(frame.file.empty() ? frame.module : frame.file);
      site = frame.function.empty() ? std::string(file)
                                    : fmt::format("{} ({})", qualified_name(frame.function), file);
    }
    std::vector<BaselineLeak> leaks;
    for (const auto& [key, amount] : amounts) {
      const Amount total = amount.total(accepted_rounds_);
      leaks.push_back({key.first, key.second, total.bytes, total.blocks, programs[key]});
    }
    auto& diff = verdict_.baseline;
    diff.file = policy_.baseline->file;
    diff.rows = compare(*policy_.baseline, leaks, find_whole_runs(recording_));
    std::map<std::pair<std::string_view, std::string_view>, const model::BaselineRow*> by_key;
    for (auto& row : diff.rows) {
      if (const auto site = sites.find({row.test, row.fingerprint}); site != sites.end())
        row.site = site->second;
      by_key[{row.test, row.fingerprint}] = &row;
    }
    for (auto& candidate : candidates_) {
      model::Leak& leak = candidate.leak;
      if (leak.verdict == LeakVerdict::fail) judge_by(*by_key.at(accepted_as(leak)), leak);
    }
  }

  static void judge_by(const model::BaselineRow& row, model::Leak& leak) {
    leak.baseline = row.state;
    const auto accepted =
        fmt::format("{} in {}", counted(row.accepted_bytes, "byte"), counted(row.accepted_blocks, "block"));
    if (row.state == model::BaselineState::grown)
      leak.reason += fmt::format("; grown: the baseline has {}", accepted);
    else if (row.state != model::BaselineState::added)
      set(leak, LeakVerdict::allowed,
          fmt::format("{}, the baseline has {}", model::name_of(row.state), accepted));
  }

  /// What one run leaves of the failing candidates that `group` puts together; those within the limit become
  /// allowed.
  template <typename Group, typename LimitOf, typename Say>
  void limit_groups(Group group, LimitOf limit_of, Say say) {
    std::map<decltype(group(candidates_[0])), RunAmount> amounts;
    std::map<decltype(group(candidates_[0])), Amount> sums;
    for (const auto& candidate : candidates_)
      if (candidate.leak.verdict == LeakVerdict::fail)
        amounts[group(candidate)].add(candidate.leak.test, {candidate.leak.bytes, candidate.leak.blocks});
    for (const auto& [key, amount] : amounts)
      sums[key] = amount.total(rounds_);
    std::set<decltype(group(candidates_[0]))> said;
    for (auto& candidate : candidates_) {
      if (candidate.leak.verdict != LeakVerdict::fail) continue;
      const Limit& limit = limit_of(candidate.leak);
      if (!limit.any()) continue;
      const auto key = group(candidate);
      const Amount& sum = sums[key];
      const std::string numbers = in_words(limit, sum.bytes, sum.blocks);
      if (limit.admits(sum.bytes, sum.blocks))
        set(candidate.leak, LeakVerdict::allowed, say(candidate, numbers, true));
      else if (said.insert(key).second)
        if (auto sentence = say(candidate, numbers, false); !sentence.empty()) say_limit(std::move(sentence));
    }
  }

  static std::string in_words(const Limit& limit, std::uint64_t bytes, std::uint64_t blocks) {
    std::string text = limit.bytes ? against(bytes, *limit.bytes, "byte") : "";
    if (limit.blocks) text += (text.empty() ? "" : ", ") + against(blocks, *limit.blocks, "block");
    return text;
  }

  void limit_sites() {
    for (auto& candidate : candidates_) {
      model::Leak& leak = candidate.leak;
      if (leak.verdict != LeakVerdict::fail) continue;
      const Limit& limit = rules(leak).site;
      if (limit.admits(leak.bytes, leak.blocks))
        set(leak, LeakVerdict::allowed,
            "within the limits of a site: " + in_words(limit, leak.bytes, leak.blocks));
    }
  }

  void limit_tests() {
    limit_groups([](const Candidate& c) { return c.leak.test; },
                 [&](const model::Leak& leak) -> const Limit& { return rules(leak).test; },
                 [&](const Candidate& c, const std::string& numbers, bool within) {
                   return within ? "within the limits of the test: " + numbers
                                 : fmt::format("test {} leaks {}", test_id(c.leak), numbers);
                 });
  }

  void limit_binaries() {
    const auto program = [&](const Candidate& c) { return program_of(c); };
    limit_groups(
        program, [&](const model::Leak&) -> const Limit& { return policy_.binary; },
        [&](const Candidate& c, const std::string& numbers, bool within) {
          return within ? "within the limits of the binary: " + numbers
                        : fmt::format("binary {} leaks {}", base_name(program(c)), numbers);
        });
  }

  void limit_run() {
    limit_groups([](const Candidate&) { return 0; },
                 [&](const model::Leak&) -> const Limit& { return policy_.run; },
                 [&](const Candidate&, const std::string& numbers, bool within) {
                   return within ? "within the limits of the run: " + numbers : std::string();
                 });
    RunAmount left;
    for (const auto& candidate : candidates_)
      if (candidate.leak.verdict == LeakVerdict::fail)
        left.add(candidate.leak.test, {candidate.leak.bytes, candidate.leak.blocks});
    const auto [bytes, blocks] = left.total(rounds_);
    if (policy_.run.bytes && bytes > *policy_.run.bytes)
      say_limit(fmt::format("the run leaks {}", against(bytes, *policy_.run.bytes, "byte")));
    if (policy_.run.blocks && blocks > *policy_.run.blocks)
      say_limit(fmt::format("the run leaks {}", against(blocks, *policy_.run.blocks, "block")));
  }

  std::vector<Growth> growth_;  ///< by candidate
  std::vector<Candidate>& candidates_;
  const Recording& recording_;
  const Policy& policy_;
  model::Verdict& verdict_;
  const Rounds rounds_;
  const Rounds accepted_rounds_;  ///< for what suppressions and the baseline accept
  std::map<std::uint32_t, TestRules> rules_;
  std::vector<std::uint64_t> tests_after_;
  std::map<std::string_view, std::uint64_t> tests_with_;
  std::vector<std::size_t> suppressed_by_;  ///< index of the suppression, or how many there are
};

}  // namespace

void apply_policy(std::vector<Candidate>& candidates, const Recording& recording, const Policy& policy,
                  model::Verdict& verdict) {
  Gate(candidates, recording, policy, verdict).apply();
}

}  // namespace leakgate::judge
