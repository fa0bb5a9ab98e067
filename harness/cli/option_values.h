// SPDX-License-Identifier: Apache-2.0
// OptionValues: what the options hold before it is checked. In: texts. Out: Options, or one sentence on what
// is wrong with them, alone or together.
#pragma once

#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/cli/options.h"

namespace leakgate::cli {

/// Values as they were given, or defaults.
struct OptionValues {
  std::string json, junit, sarif, html, gdb;
  std::vector<std::string> reports;
  std::string timeout, wait = "1", min_age, min_confidence;
  std::string max_leaked_bytes, max_leaked_blocks, min_size, memory_limit, fail_kinds, leak_exit_code = "23";
  std::string repeat, retry_suspects;
  std::string growth_fail, growth_min_bytes, growth_min_rounds;
  std::string max_processes = "16384", ring_bytes = "4194304";
  std::string unwind = "auto";
  std::string probe_links = "auto";
  std::string max_threads = "65536";
  std::string max_live_blocks = "auto";
  std::string max_stacks = "auto";
  std::string backend;
  std::string if_unsupported = "fail";
  std::string isolation = "auto";
  std::string judged_moments = "tests";
  std::string interior_pointers = "possible";
  std::string tagged_pointers = "none";
  std::string merge = "parts", expect_parts = "0";
  std::string exit_status = "all";
  std::vector<std::string> path_maps;
};

/// "Formats: " and the names of all report formats.
std::string format_list();

/// Checks the values, each and against each other, and puts what they mean into `options`. Fails (usage).
Status settle(Options& options, const OptionValues& values);

}  // namespace leakgate::cli
