// SPDX-License-Identifier: Apache-2.0
// From texts to numbers, sets and rules; see option_values.h.
#include "harness/cli/option_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "harness/base/text.h"
#include "harness/judge/growth.h"
#include "harness/model/names.h"
#include "harness/symbolize/source_path.h"

namespace leakgate::cli {

std::string format_list() {
  std::string names;
  for (const auto& name : report::format_names())
    (names += names.empty() ? "Formats: " : ", ") += name;
  return names;
}

namespace {

Error bad_number(std::string_view option, std::string_view text, std::string_view wanted) {
  return Error{ErrorKind::usage, fmt::format("{} wants {}, not '{}'", option, wanted, text),
               "leakgate COMMAND --help lists the options", 0};
}

/// A whole number in [low, high]; signs and anything else that is no digit are refused.
Result<std::uint64_t> parse_count(std::string_view option, std::string_view text, std::uint64_t low,
                                  std::uint64_t high) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < low || value > high)
    return bad_number(option, text, fmt::format("a whole number from {} to {}", low, high));
  return value;
}

/// A count, or 0 for "auto".
Result<std::uint64_t> count_or_auto(std::string_view option, std::string_view text, std::uint64_t high) {
  if (text == "auto") return std::uint64_t{0};
  auto value = parse_count(option, text, 1, high);
  if (!value) return bad_number(option, text, "auto or a number above 0");
  return value;
}

/// A number from `low` to `high`; nothing where it is none.
std::optional<double> parse_number(std::string_view text, double low, double high) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return whole && value >= low && value <= high ? std::optional(value) : std::nullopt;
}

/// Seconds from `low` to a year, fractions allowed.
Result<double> parse_seconds(std::string_view option, std::string_view text, double low) {
  constexpr double kYear = 365.0 * 24 * 3600;
  if (const auto value = parse_number(text, low, kYear)) return *value;
  return bad_number(option, text, fmt::format("seconds from {} to {:.0f}", low, kYear));
}

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

/// Stores a parsed value where it belongs, or hands the error on.
template <typename Parsed, typename Target>
Status store(Result<Parsed> parsed, Target& target) {
  if (!parsed) return std::move(parsed).error();
  target = static_cast<Target>(*parsed);
  return {};
}

/// "definitely_lost,possibly_lost"
Result<std::set<model::Kind>> parse_kinds(std::string_view text) {
  std::set<model::Kind> kinds;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    const auto kind = model::from_name<model::Kind>(text.substr(begin, end - begin));
    if (!kind)
      return Error{
          ErrorKind::usage, fmt::format("--fail-kinds: '{}' is no kind", text.substr(begin, end - begin)),
          "definitely_lost, indirectly_lost, possibly_lost, still_reachable and unclassified are", 0};
    kinds.insert(*kind);
    begin = end + 1;
  }
  return kinds;
}

/// "linear,stepped"
Result<std::set<model::GrowthPattern>> parse_growth(std::string_view text) {
  std::set<model::GrowthPattern> patterns;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    const auto pattern = model::from_name<model::GrowthPattern>(text.substr(begin, end - begin));
    if (!pattern || *pattern == model::GrowthPattern::none)
      return Error{
          ErrorKind::usage, fmt::format("--growth-fail: '{}' is no pattern", text.substr(begin, end - begin)),
          "one_time, saturating, replaced, oscillating, undecided, linear, exponential and stepped are", 0};
    patterns.insert(*pattern);
    begin = end + 1;
  }
  return patterns;
}

Status settle_growth(PolicyFlags& flags, const OptionValues& raw) {
  if (!raw.growth_fail.empty()) {
    auto patterns = parse_growth(raw.growth_fail);
    if (!patterns) return std::move(patterns).error();
    flags.growth_fails = std::move(*patterns);
  }
  if (!raw.growth_min_bytes.empty())
    if (auto done = store(parse_count("--growth-min-bytes", raw.growth_min_bytes, 0, std::uint64_t{1} << 62),
                          flags.growth_min_bytes);
        !done)
      return done;
  if (raw.growth_min_rounds.empty()) return {};
  return store(parse_count("--growth-min-rounds", raw.growth_min_rounds, judge::kFewestRounds, 100'000),
               flags.growth_min_rounds);
}

Status settle_policy(Options& options, const OptionValues& raw) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  PolicyFlags& flags = options.policy;
  for (auto [option, text, target] :
       {std::tuple{"--max-leaked-bytes", &raw.max_leaked_bytes, &flags.max_leaked_bytes},
        std::tuple{"--max-leaked-blocks", &raw.max_leaked_blocks, &flags.max_leaked_blocks},
        std::tuple{"--memory-limit", &raw.memory_limit, &flags.memory_limit_bytes},
        std::tuple{"--min-size", &raw.min_size, &flags.min_size_bytes}}) {
    if (text->empty()) continue;
    auto limit = parse_count(option, *text, 0, kMost);
    if (!limit) return std::move(limit).error();
    *target = *limit;
  }
  if (!raw.min_age.empty()) {
    auto age = parse_seconds("--min-age", raw.min_age, 0);
    if (!age) return std::move(age).error();
    flags.min_age_s = *age;
  }
  if (!raw.min_confidence.empty()) {
    flags.min_confidence = parse_number(raw.min_confidence, 0, 1);
    if (!flags.min_confidence) return bad_number("--min-confidence", raw.min_confidence, "from 0 to 1");
  }
  if (!raw.fail_kinds.empty()) {
    auto kinds = parse_kinds(raw.fail_kinds);
    if (!kinds) return std::move(kinds).error();
    flags.failing_kinds = std::move(*kinds);
  }
  if (auto done = settle_growth(flags, raw); !done) return done;
  if (flags.no_file && !flags.file.empty())
    return Error{ErrorKind::usage, "--policy and --no-policy contradict each other", "give one of them", 0};
  return store(parse_count("--leak-exit-code", raw.leak_exit_code, 1, 124), options.leak_exit_code);
}

Status settle_merge(Options& options, const OptionValues& raw) {
  options.exit_rule = raw.exit_status == "gate"   ? ExitRule::gate
                      : raw.exit_status == "none" ? ExitRule::none
                                                  : ExitRule::all;
  options.merge_rule = raw.merge == "any"     ? judge::MergeRule::any
                       : raw.merge == "whole" ? judge::MergeRule::whole
                                              : judge::MergeRule::parts;
  return store(parse_count("--expect-parts", raw.expect_parts, 0, 100000), options.expected_parts);
}

Status settle_tables(capture::TracerOptions& tracer, const OptionValues& raw) {
  constexpr std::uint64_t kMostBlocks = std::uint64_t{1} << 29;
  if (auto done =
          store(count_or_auto("--max-live-blocks", raw.max_live_blocks, kMostBlocks), tracer.max_live_blocks);
      !done)
    return done;
  if (auto done = store(count_or_auto("--max-stacks", raw.max_stacks, 1u << 17), tracer.max_stacks); !done)
    return done;
  if (auto done = store(parse_count("--max-processes", raw.max_processes, 1, 65535), tracer.max_processes);
      !done)
    return done;
  if (auto done = store(parse_count("--max-threads", raw.max_threads, 1, 1u << 22), tracer.max_threads);
      !done)
    return done;
  if (auto done = store(parse_count("--ring-bytes", raw.ring_bytes, 4096, 1u << 30), tracer.ring_bytes);
      !done)
    return done;
  if ((tracer.ring_bytes & (tracer.ring_bytes - 1)) != 0)
    return bad_number("--ring-bytes", raw.ring_bytes, "a power of two");
  return {};
}

void settle_classify(pipeline::RecordRequest& record, const OptionValues& raw) {
  constexpr std::uint64_t kLowTags = 0x7;
  constexpr std::uint64_t kHighTags = std::uint64_t{0xffff} << 48;
  record.tracer.moments = raw.judged_moments == "none"   ? capture::Moments::none
                          : raw.judged_moments == "exit" ? capture::Moments::exits
                                                         : capture::Moments::tests;
  record.classify.interior = raw.interior_pointers == "reachable" ? classify::InteriorPointers::reachable
                                                                  : classify::InteriorPointers::possible;
  if (raw.tagged_pointers == "low" || raw.tagged_pointers == "both")
    record.classify.pointer_mask &= ~kLowTags;
  if (raw.tagged_pointers == "high" || raw.tagged_pointers == "both")
    record.classify.pointer_mask &= ~kHighTags;
}

Status settle_trace(Options& options, const OptionValues& raw) {
  auto& record = options.record;
  const char* const variable = std::getenv("LEAKGATE_BACKEND");
  const std::string backend = !raw.backend.empty() ? raw.backend : variable && *variable ? variable : "auto";
  if (backend != "auto" && backend != "ebpf" && backend != "preload")
    return Error{ErrorKind::usage, "LEAKGATE_BACKEND is '" + backend + "'", "it may be auto, ebpf or preload",
                 0};
  record.backends.clear();
  if (backend != "preload") record.backends.emplace_back(capture::make_ebpf_tracer);
  if (backend != "ebpf") record.backends.emplace_back(capture::make_preload_tracer);
  if (!raw.timeout.empty()) {
    auto timeout = parse_seconds("--timeout", raw.timeout, 0.001);
    if (!timeout) return std::move(timeout).error();
    record.timeout = milliseconds(*timeout);
  }
  auto wait = parse_seconds("--wait", raw.wait, 0);
  if (!wait) return std::move(wait).error();
  record.wait = milliseconds(*wait);
  record.private_copies = raw.isolation == "auto";
  record.tracer.links = raw.probe_links == "multi"    ? capture::LinkMode::multi
                        : raw.probe_links == "single" ? capture::LinkMode::single
                                                      : capture::LinkMode::automatic;
  record.tracer.unwind = raw.unwind == "none"            ? capture::UnwindMode::none
                         : raw.unwind == "frame-pointer" ? capture::UnwindMode::frame_pointer
                         : raw.unwind == "eh_frame"      ? capture::UnwindMode::eh_frame
                                                         : capture::UnwindMode::automatic;
  options.skip_if_unsupported = raw.if_unsupported == "skip";
  settle_classify(record, raw);
  if (auto done = settle_tables(record.tracer, raw); !done) return done;
  if (!raw.repeat.empty())
    if (auto done = store(parse_count("--repeat", raw.repeat, 2, 100'000), options.rounds); !done)
      return done;
  if (!raw.retry_suspects.empty())
    if (auto done = store(parse_count("--retry-suspects", raw.retry_suspects, 1, 1000), options.retries);
        !done)
      return done;
  for (const std::string& map : raw.path_maps) {
    if (!symbolize::parse_path_map(map, record.path_maps.emplace_back()))
      return Error{ErrorKind::usage, fmt::format("--path-map wants FROM=TO, not '{}'", map),
                   "as in --path-map /build/src=src", 0};
  }
  if (!record.source_root.empty()) {
    std::error_code error;
    // debug information has absolute paths; the folder need not be on this machine
    const auto root = std::filesystem::absolute(record.source_root, error);
    if (!error) record.source_root = root.lexically_normal().string();
  }
  return {};
}

/// One spelling for each file, so that two reports to one file are found out however they are written.
std::string one_spelling(const std::string& path) {
  std::error_code error;
  const auto real = std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
  return path == "-" || error ? path : real.string();
}

Status keep(Options& options, std::optional<report::Format> format, const std::string& path) {
  if (format) options.reports.push_back({*format, path});
  return {};
}

Status settle_reports(Options& options, const OptionValues& raw) {
  std::set<std::string> seen;
  const auto add = [&](std::optional<report::Format> format, const std::string& path) -> Status {
    if (path.empty()) return {};
    if (path.starts_with("/dev/")) return keep(options, format, path);
    if (!seen.insert(one_spelling(path)).second)
      return Error{ErrorKind::usage,
                   fmt::format("two reports are to be written to {}", path == "-" ? "standard output" : path),
                   "give each report a file of its own", 0};
    return keep(options, format, path);
  };
  if (auto added = add(report::Format::json, raw.json); !added) return added;
  if (auto added = add(report::Format::junit, raw.junit); !added) return added;
  if (auto added = add(report::Format::sarif, raw.sarif); !added) return added;
  if (auto added = add(report::Format::html, raw.html); !added) return added;
  if (auto added = add(report::Format::gdb, raw.gdb); !added) return added;
  for (const auto& text : raw.reports) {
    const auto equals = text.find('=');
    const auto format = report::format_from_name(std::string_view(text).substr(0, equals));
    if (equals == std::string::npos || !format || equals + 1 == text.size())
      return Error{ErrorKind::usage, fmt::format("--report wants FORMAT=FILE, not '{}'", text), format_list(),
                   0};
    if (auto added = add(*format, text.substr(equals + 1)); !added) return added;
  }
  // these are no reports among others, but must not be written over either
  for (const std::string& path : {options.write_suppressions, options.recording, options.output})
    if (auto added = add({}, path); !added) return added;
  return {};
}

}  // namespace

Status settle(Options& options, const OptionValues& values) {
  for (std::string& id : options.expected_tests)
    id = escape_invalid_utf8(id);  // as recordings have it
  if (auto settled = settle_policy(options, values); !settled) return settled;
  if (auto settled = settle_merge(options, values); !settled) return settled;
  if (auto settled = settle_trace(options, values); !settled) return settled;
  return settle_reports(options, values);
}

}  // namespace leakgate::cli
