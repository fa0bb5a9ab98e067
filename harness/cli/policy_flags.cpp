// SPDX-License-Identifier: Apache-2.0
// Finding, reading and laying over; see policy_flags.h.
#include "harness/cli/policy_flags.h"

#include <filesystem>
#include <iterator>

#include "harness/base/atomic_file.h"
#include "harness/judge/policy_file.h"

namespace leakgate::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxPolicyBytes = 16u << 20;
constexpr std::uint64_t kMaxBaselineBytes = 256u << 20;
constexpr const char* kPolicyName = "leakgate.json";

std::string find_policy() {
  std::error_code error;
  fs::path folder = fs::current_path(error);
  if (error) return {};
  for (;; folder = folder.parent_path()) {
    if (fs::is_regular_file(folder / kPolicyName, error)) return folder / kPolicyName;
    // beyond the project's own root a file of this name is somebody else's
    if (fs::exists(folder / ".git", error) || folder == folder.parent_path()) return {};
  }
}

std::string beside(const std::string& policy_file, const std::string& name) {
  return fs::path(name).is_absolute() ? name : (fs::path(policy_file).parent_path() / name).string();
}

Status add_suppressions(judge::Policy& policy, const std::string& path) {
  const auto text = read_whole(path, kMaxPolicyBytes);
  if (!text) return text.error();
  auto read = judge::parse_suppressions(*text, path);
  if (!read) return std::move(read).error();
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

void lay_over(judge::Policy& policy, const PolicyFlags& flags) {
  if (flags.failing_kinds) policy.rules.failing_kinds = flags.failing_kinds;
  if (flags.max_leaked_bytes) policy.run.bytes = flags.max_leaked_bytes;
  if (flags.max_leaked_blocks) policy.run.blocks = flags.max_leaked_blocks;
  if (flags.min_size_bytes) policy.rules.min_size_bytes = flags.min_size_bytes;
  if (flags.min_age_s) policy.rules.min_age_s = flags.min_age_s;
  if (flags.growth_fails) policy.rules.growth_fails = flags.growth_fails;
  if (flags.growth_min_bytes) policy.rules.growth_min_bytes = flags.growth_min_bytes;
  if (flags.growth_min_rounds) policy.rules.growth_min_rounds = flags.growth_min_rounds;
  if (flags.growth_only) policy.rules.growth_only = true;
  if (flags.allow_flaky) policy.rules.fail_flaky = false;
  if (flags.min_confidence) policy.rules.min_confidence = flags.min_confidence;
  policy.fail_unused_suppressions |= flags.fail_unused_suppressions;
  policy.fail_expired_suppressions |= flags.fail_expired_suppressions;
}

}  // namespace

Result<judge::Policy> load_policy(const PolicyFlags& flags) {
  judge::Policy policy;
  const std::string file = flags.no_file ? "" : flags.file.empty() ? find_policy() : flags.file;
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
