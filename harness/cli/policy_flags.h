// SPDX-License-Identifier: Apache-2.0
// The policy as the user meant it: flags over a file over defaults. In: flags and the working directory. Out:
// a policy with its suppressions and its baseline read.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/judge/policy.h"

namespace leakgate::cli {

/// What was said of the policy on the command line; what was not is nothing.
struct PolicyFlags {
  std::string file;      ///< --policy; empty: looked for
  bool no_file = false;  ///< --no-policy
  std::vector<std::string> suppressions;
  std::string baseline;
  bool own_baseline = false;  ///< the command has a baseline of its own: that of the policy is not read
  std::optional<std::set<model::Kind>> failing_kinds;
  std::optional<std::uint64_t> max_leaked_bytes, max_leaked_blocks, min_size_bytes, memory_limit_bytes;
  std::optional<double> min_age_s, min_confidence;
  std::optional<std::set<model::GrowthPattern>> growth_fails;
  std::optional<std::uint64_t> growth_min_bytes, growth_min_rounds;
  bool growth_only = false;
  bool allow_flaky = false;
  bool fail_unused_suppressions = false;
  bool fail_expired_suppressions = false;
};

/// The policy of `flags`. leakgate.json is looked for from the working directory upwards, as far as the
/// folder that holds .git. Files that a policy names are relative to it. Fails with io, not_found, permission
/// or format.
Result<judge::Policy> load_policy(const PolicyFlags& flags);

}  // namespace leakgate::cli
