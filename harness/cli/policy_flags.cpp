// SPDX-License-Identifier: Apache-2.0
// Finding, reading and laying over; see policy_flags.h.
#include "harness/cli/policy_flags.h"

#include <fmt/format.h>

#include <filesystem>
#include <iterator>

#include "harness/base/atomic_file.h"
#include "harness/base/text.h"
#include "harness/judge/policy_file.h"

namespace leakgate::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxPolicyBytes = 16u << 20;
constexpr std::uint64_t kMaxBaselineBytes = 256u << 20;
constexpr const char* kPolicyName = "leakgate.json";

/// Empty: there is none. What has the name and cannot be read is no reason to gate by other rules.
Result<std::string> find_policy() {
  std::error_code error;
  fs::path folder = fs::current_path(error);
  if (error) return std::string();
  for (;; folder = folder.parent_path()) {
    const fs::path file = folder / kPolicyName;
    if (fs::is_regular_file(file, error)) return file.string();
    if (fs::exists(fs::symlink_status(file, error)))
      return Error{ErrorKind::io,
                   fmt::format("{} is {}, so the policy cannot be read", file.string(),
                               fs::is_directory(file, error) ? "a directory"
                               : fs::exists(file, error)     ? "no regular file"
                                                             : "a link that leads nowhere"),
                   "mend or remove it; --policy FILE names another one, --no-policy takes none", 0};
    // beyond the project's own root a file of this name is somebody else's
    if (fs::exists(folder / ".git", error) || folder == folder.parent_path()) return std::string();
  }
}

std::string beside(const std::string& policy_file, const std::string& name) {
  return fs::path(name).is_absolute() ? name : (fs::path(policy_file).parent_path() / name).string();
}

/// As recordings have names.
void make_text_valid(judge::Suppression& suppression) {
  for (std::string* text :
       {&suppression.text, &suppression.lsan_glob, &suppression.function, &suppression.module,
        &suppression.path, &suppression.test, &suppression.owner, &suppression.reason})
    *text = escape_invalid_utf8(*text);
  for (judge::FramePattern& frame : suppression.frames)
    frame.glob = escape_invalid_utf8(frame.glob);
}

Status add_suppressions(judge::Policy& policy, const std::string& path) {
  const auto text = read_whole(path, kMaxPolicyBytes);
  if (!text) return text.error();
  auto read = judge::parse_suppressions(*text, path);
  if (!read) return std::move(read).error();
  for (judge::Suppression& suppression : *read)
    make_text_valid(suppression);
  policy.suppressions.insert(policy.suppressions.end(), std::make_move_iterator(read->begin()),
                             std::make_move_iterator(read->end()));
  return {};
}

Status read_baseline(judge::Policy& policy, const std::string& path) {
  const auto text = read_whole(path, kMaxBaselineBytes);
  if (!text) return text.error();
  auto read = judge::parse_baseline(*text, path);
  if (!read) return std::move(read).error();
  policy.baseline = std::move(*read);
  return {};
}

/// What was said on the command line, as rules for all tests.
judge::TestRules rules_of(const PolicyFlags& flags) {
  judge::TestRules rules;
  rules.failing_kinds = flags.failing_kinds;
  rules.min_size_bytes = flags.min_size_bytes;
  rules.min_age_s = flags.min_age_s;
  rules.min_confidence = flags.min_confidence;
  rules.growth_fails = flags.growth_fails;
  rules.growth_min_bytes = flags.growth_min_bytes;
  rules.growth_min_rounds = flags.growth_min_rounds;
  if (flags.growth_only) rules.growth_only = true;
  if (flags.allow_flaky) rules.fail_flaky = false;
  return rules;
}

void lay_over(judge::Policy& policy, const PolicyFlags& flags) {
  const judge::TestRules rules = rules_of(flags);
  policy.rules.apply(rules);
  // what the file says of some tests is of the file, too
  for (judge::Override& row : policy.overrides)
    row.rules.give_way_to(rules);
  std::erase_if(policy.overrides, [](const judge::Override& row) { return row.rules == judge::TestRules(); });
  if (flags.max_leaked_bytes) policy.run.bytes = flags.max_leaked_bytes;
  if (flags.max_leaked_blocks) policy.run.blocks = flags.max_leaked_blocks;
  if (flags.memory_limit_bytes) policy.memory_limit_bytes = flags.memory_limit_bytes;
  policy.fail_unused_suppressions |= flags.fail_unused_suppressions;
  policy.fail_expired_suppressions |= flags.fail_expired_suppressions;
}

}  // namespace

Result<judge::Policy> load_policy(const PolicyFlags& flags) {
  judge::Policy policy;
  std::string file = flags.file;
  if (flags.no_file) {
    file.clear();
  } else if (file.empty()) {
    auto found = find_policy();
    if (!found) return std::move(found).error();
    file = std::move(*found);
  }
  if (!file.empty()) {
    const auto text = read_whole(file, kMaxPolicyBytes);
    if (!text) return text.error();
    auto read = judge::parse_policy(*text, file);
    if (!read) return std::move(read).error();
    policy = std::move(*read);
  }
  lay_over(policy, flags);
  for (const auto& name : policy.suppression_files)
    if (auto added = add_suppressions(policy, beside(file, name)); !added) return std::move(added).error();
  for (const auto& path : flags.suppressions) {
    if (auto added = add_suppressions(policy, path); !added) return std::move(added).error();
    policy.suppression_files.push_back(path);
  }
  if (flags.own_baseline) return policy;
  const std::string baseline = !flags.baseline.empty()        ? flags.baseline
                               : policy.baseline_file.empty() ? ""
                                                              : beside(file, policy.baseline_file);
  if (!baseline.empty()) {
    if (auto read = read_baseline(policy, baseline); !read) return std::move(read).error();
    policy.baseline_file = baseline;
  }
  return policy;
}

}  // namespace leakgate::cli
