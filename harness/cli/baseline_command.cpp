// SPDX-License-Identifier: Apache-2.0
// See baseline_command.h. Nothing is written from an incomplete run, and no growth without a reason.
#include "harness/cli/baseline_command.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "harness/base/atomic_file.h"
#include "harness/base/text.h"
#include "harness/cli/cli.h"
#include "harness/cli/console.h"
#include "harness/cli/exit_status.h"
#include "harness/cli/inputs.h"
#include "harness/judge/judge.h"
#include "harness/model/names.h"

namespace leakgate::cli {
namespace {

using model::BaselineState;

constexpr std::uint64_t kMaxBaselineBytes = 256u << 20;

int refuse(const Error& error) {
  say(error);
  return kCannot;
}

Result<judge::Baseline> read(const std::string& path) {
  const auto text = read_whole(path, kMaxBaselineBytes);
  if (!text) return text.error();
  return judge::parse_baseline(*text, path);
}

std::string amount(std::uint64_t bytes, std::uint64_t blocks) {
  return fmt::format("{} in {}", counted(bytes, "byte"), counted(blocks, "block"));
}

int show(const judge::Baseline& baseline) {
  std::uint64_t bytes = 0, blocks = 0;
  for (const auto& [key, entry] : baseline.entries) {
    bytes += entry.bytes, blocks += entry.blocks;
    print(stdout, "{}  {}  {}{}{}\n", printable(shorten(key.first, 200)), amount(entry.bytes, entry.blocks),
          key.second, entry.site.empty() ? "" : "  " + printable(shorten(entry.site, 200)),
          entry.reason.empty() ? "" : "  (" + printable(shorten(entry.reason, 200)) + ")");
  }
  print(stdout, "{}, {}\n",
        baseline.entries.size() == 1 ? "1 entry" : fmt::format("{} entries", baseline.entries.size()),
        amount(bytes, blocks));
  return kPass;
}

void print_row(const model::BaselineRow& row) {
  const std::string now = amount(row.bytes, row.blocks),
                    before = amount(row.accepted_bytes, row.accepted_blocks);
  const std::string numbers = row.state == BaselineState::added    ? now
                              : row.state == BaselineState::absent ? before
                              : now == before                      ? now
                                                                   : before + " -> " + now;
  const bool is_kept = row.state == BaselineState::shrunk && !row.whole;
  print(stdout, "{:<9}  {}  {}  {}{}{}\n", model::name_of(row.state), printable(shorten(row.test, 200)),
        numbers, row.fingerprint, row.site.empty() ? "" : "  " + printable(shorten(row.site, 200)),
        is_kept ? "  (kept: this run may not have seen all of it)" : "");
}

/// How many rows have each state; prints all but the unchanged ones.
std::array<std::size_t, 6> print_diff(const std::vector<model::BaselineRow>& rows, bool verbose) {
  std::array<std::size_t, 6> counts{};
  for (const auto& row : rows) {
    ++counts[static_cast<std::size_t>(row.state)];
    if (verbose || row.state != BaselineState::unchanged) print_row(row);
  }
  std::string sum;
  for (std::size_t i = 1; i < counts.size(); ++i)
    sum +=
        fmt::format("{}{} {}", i == 1 ? "" : ", ", counts[i], model::name_of(static_cast<BaselineState>(i)));
  print(stdout, "{}\n", sum);
  return counts;
}

int update(const Options& options, const judge::Baseline& old, const model::Verdict& verdict,
           std::size_t growth, bool existed) {
  if (existed && growth > 0 && options.accept_reason.empty()) {
    say(Error{
        ErrorKind::usage,
        fmt::format("{} new or grown, {} was not changed", counted(growth, "leak"), options.baseline_file),
        "mend them, or accept them with --accept REASON", 0});
    return options.leak_exit_code;
  }
  const std::string reason = options.accept_reason.empty() ? "first baseline" : options.accept_reason;
  const auto updated = judge::updated(old, verdict.baseline.rows, reason);
  if (auto written = write_whole(options.baseline_file, judge::format_baseline(updated)); !written)
    return refuse(written.error());
  print(stdout, "{}: {}\n", options.baseline_file,
        updated.entries.size() == 1 ? "1 entry" : fmt::format("{} entries", updated.entries.size()));
  return kPass;
}

}  // namespace

int run_baseline(const Options& options) {
  const bool updates = options.baseline_action == "update";
  if (updates && options.baseline_file == "-")
    return refuse({ErrorKind::usage, "a baseline is not written to standard output",
                   "give it a file of its own: what has changed is told on standard output", 0});
  std::error_code error;
  const bool exists = std::filesystem::exists(options.baseline_file, error);
  judge::Baseline baseline;
  baseline.file = options.baseline_file;
  if (exists || !updates) {
    auto old = read(options.baseline_file);
    if (!old) return refuse(old.error());
    baseline = std::move(*old);
  }
  if (options.baseline_action == "show") return show(baseline);
  // that of the policy is mostly this very file, which the first update makes
  PolicyFlags flags = options.policy;
  flags.own_baseline = true;
  auto policy = load_policy(flags);
  if (!policy) return refuse(policy.error());
  policy->baseline = baseline;
  // what limits tolerate together is still what the baseline is about
  auto recording = read_recordings(options);
  if (!recording) return refuse(recording.error());
  const model::Verdict verdict = judge::judge(std::move(*recording), *policy);
  if (!verdict.run.incomplete_reasons.empty())
    return refuse({ErrorKind::usage,
                   fmt::format("the run is incomplete ({}): it says nothing about what is not there",
                               printable(shorten(verdict.run.incomplete_reasons.front().cause, 60))),
                   "run again until it is complete; nothing was written", 0});
  const auto counts = print_diff(verdict.baseline.rows, options.verbose);
  const std::size_t growth = counts[static_cast<std::size_t>(BaselineState::added)] +
                             counts[static_cast<std::size_t>(BaselineState::grown)];
  if (updates) return update(options, baseline, verdict, growth, exists);
  return growth > 0 ? options.leak_exit_code : kPass;
}

}  // namespace leakgate::cli
