// SPDX-License-Identifier: Apache-2.0
// The option tables, on CLI11. Its exceptions end here.
#include "harness/cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <tuple>

#include "harness/judge/growth.h"
#include "harness/model/names.h"

namespace leakgate::cli {
namespace {

/// Values as the options hold them, before they are checked against each other.
struct Raw {
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

std::string format_list() {
  std::string names;
  for (const auto& name : report::format_names())
    (names += names.empty() ? "Formats: " : ", ") += name;
  return names;
}

void add_policy_options(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--policy", options.policy.file,
                 "Read the policy from FILE (default: leakgate.json, looked for upwards)")
      ->type_name("FILE");
  app.add_flag("--no-policy", options.policy.no_file, "Read no policy file");
  app.add_option("--suppressions", options.policy.suppressions,
                 "Suppress what FILE names (LeakSanitizer's, Valgrind's or our own form); may be given again")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_flag("--fail-unused-suppressions", options.policy.fail_unused_suppressions,
               "Fail if a suppression matches nothing");
  app.add_flag("--fail-expired-suppressions", options.policy.fail_expired_suppressions,
               "Fail if a suppression has expired");
  app.add_option("--fail-kinds", raw.fail_kinds,
                 "Kinds that fail, with commas (default: all but still_reachable)")
      ->type_name("KINDS");
  app.add_option("--max-leaked-bytes", raw.max_leaked_bytes, "Tolerate up to N leaked bytes in all")
      ->type_name("N");
  app.add_option("--max-leaked-blocks", raw.max_leaked_blocks, "Tolerate up to N leaked blocks in all")
      ->type_name("N");
  app.add_option("--min-size", raw.min_size, "Let leaks of fewer than N bytes pass")->type_name("N");
  app.add_option("--min-age", raw.min_age, "Let leaks younger than S seconds pass")->type_name("S");
  app.add_option("--memory-limit", raw.memory_limit, "Tell when what grows reaches N bytes")->type_name("N");
  app.add_option("--min-confidence", raw.min_confidence, "Let leaks less probable than X, 0 to 1, pass")
      ->type_name("X");
  app.add_option("--growth-fail", raw.growth_fail,
                 "Growth over repeated rounds that fails, with commas (default: linear,exponential,stepped)")
      ->type_name("PATTERNS");
  app.add_option("--growth-min-bytes", raw.growth_min_bytes, "Let growth of fewer than N bytes a round pass")
      ->type_name("N");
  app.add_option("--growth-min-rounds", raw.growth_min_rounds,
                 "Let growth in fewer than N rounds pass (default 4)")
      ->type_name("N");
  app.add_flag("--growth-only", options.policy.growth_only,
               "In repeated tests, let pass what does not grow with the rounds");
  app.add_flag("--allow-flaky", options.policy.allow_flaky,
               "Let leaks pass that did not come each time their test ran");
}

void add_gate_options(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--json", raw.json, "Write the result as JSON to FILE (- is standard output)")
      ->type_name("FILE");
  app.add_option("--junit", raw.junit, "Write a JUnit XML report to FILE")->type_name("FILE");
  app.add_option("--sarif", raw.sarif, "Write a SARIF 2.1.0 report to FILE")->type_name("FILE");
  app.add_option("--html", raw.html, "Write a report to be read in a browser to FILE")->type_name("FILE");
  app.add_option("--gdb", raw.gdb, "Write gdb commands that stop at the leaking allocations to FILE")
      ->type_name("FILE");
  app.add_option("--report", raw.reports,
                 "Write a report in another format to FILE; may be given again. " + format_list())
      ->type_name("FORMAT=FILE")
      ->allow_extra_args(false);
  app.add_option(
         "--merge-junit", options.merge_junit,
         "Merge FILE (GoogleTest's, Catch2's or ctest's own XML) into the JUnit report; may be given again")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--output,-o", options.output, "Write the console report to FILE")->type_name("FILE");
  app.add_option("--baseline", options.policy.baseline,
                 "Let the leaks of the baseline FILE pass: only new and grown ones fail")
      ->type_name("FILE");
  add_policy_options(app, options, raw);
  app.add_option("--leak-exit-code", raw.leak_exit_code, "Exit status when the gate fails (default 23)")
      ->type_name("N");
  app.add_option("--exit-status", raw.exit_status,
                 "Whose failure the exit status tells: all, gate (not the command's own), or none")
      ->check(CLI::IsMember({"all", "gate", "none"}));
  app.add_option("--expect-test", options.expected_tests,
                 "The run is incomplete if no test has this ID; may be given again")
      ->type_name("ID")
      ->allow_extra_args(false);
}

void add_merge_options(CLI::App& app, Raw& raw) {
  app.add_option("--merge", raw.merge,
                 "parts: of one suite and one build, none missing (default); whole: likewise, and one part "
                 "alone is refused too; any: whatever is given")
      ->check(CLI::IsMember({"parts", "whole", "any"}));
  app.add_option("--expect-parts", raw.expect_parts, "Refuse unless N recordings are given")->type_name("N");
}

void add_trace_options(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--timeout", raw.timeout, "End the command after S seconds")->type_name("S");
  app.add_option("--wait", raw.wait,
                 "Wait up to S seconds for processes the command leaves behind (default 1)")
      ->type_name("S");
  app.add_option("--repeat", raw.repeat,
                 "Run each test N times, and fail what grows each time: in one process (GoogleTest), or in N")
      ->type_name("N");
  app.add_option("--backend", raw.backend, "auto, ebpf or preload (auto: ebpf where it is allowed)")
      ->check(CLI::IsMember({"auto", "ebpf", "preload"}));
  app.add_option("--unwind", raw.unwind, "auto, eh_frame, frame-pointer or none")
      ->check(CLI::IsMember({"auto", "eh_frame", "frame-pointer", "none"}));
  app.add_option("--if-unsupported", raw.if_unsupported,
                 "fail, or skip: exit with 77 where tracing is not possible")
      ->check(CLI::IsMember({"fail", "skip"}));
  app.add_option("--isolation", raw.isolation,
                 "auto: probe a private copy of the C library; off: the machine's own")
      ->check(CLI::IsMember({"auto", "off"}));
  app.add_option("--judged-moments", raw.judged_moments,
                 "When blocks are classified: tests (at each test's end and at exit), exit, or none")
      ->check(CLI::IsMember({"tests", "exit", "none"}));
  app.add_option("--interior-pointers", raw.interior_pointers,
                 "What a pointer into a block's middle makes of it: possible (possibly lost) or reachable")
      ->check(CLI::IsMember({"possible", "reachable"}));
  app.add_option("--tagged-pointers", raw.tagged_pointers,
                 "Follow pointers with tags in their low 3 bits, their high 16 bits, or both")
      ->check(CLI::IsMember({"none", "low", "high", "both"}));
  app.add_option("--max-live-blocks", raw.max_live_blocks, "Room for live blocks, or auto: grows to need")
      ->type_name("N");
  app.add_option("--max-stacks", raw.max_stacks, "Room for distinct call stacks, or auto: grows to need")
      ->type_name("N");
  app.add_option("--max-processes", raw.max_processes, "Room for processes (default 16384)")->type_name("N");
  app.add_option("--max-threads", raw.max_threads, "Room for threads that live at once (default 65536)")
      ->type_name("N");
  app.add_option("--probe-links", raw.probe_links,
                 "auto, multi: one link for many probes (Linux 6.6), or single: one each")
      ->check(CLI::IsMember({"auto", "multi", "single"}));
  app.add_option("--ring-bytes", raw.ring_bytes, "Size of the ring buffer: a power of two (default 4194304)")
      ->type_name("N");
  app.add_option("--source-root", options.record.source_root, "Show source paths relative to DIR")
      ->type_name("DIR");
  app.add_option("--path-map", raw.path_maps, "Replace the path prefix FROM by TO")
      ->type_name("FROM=TO")
      ->allow_extra_args(false);
  app.add_flag("--as-root", options.record.as_root,
               "Under sudo: run the command as root, not as the user who called sudo");
}

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

/// Seconds from `low` to a year, fractions allowed.
/// A number from `low` to `high`; nothing where it is none.
std::optional<double> parse_number(std::string_view text, double low, double high) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return whole && value >= low && value <= high ? std::optional(value) : std::nullopt;
}

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

Status settle_growth(PolicyFlags& flags, const Raw& raw) {
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

Status settle_policy(Options& options, const Raw& raw) {
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

Status settle_merge(Options& options, const Raw& raw) {
  options.exit_rule = raw.exit_status == "gate"   ? ExitRule::gate
                      : raw.exit_status == "none" ? ExitRule::none
                                                  : ExitRule::all;
  options.merge_rule = raw.merge == "any"     ? judge::MergeRule::any
                       : raw.merge == "whole" ? judge::MergeRule::whole
                                              : judge::MergeRule::parts;
  return store(parse_count("--expect-parts", raw.expect_parts, 0, 100000), options.expected_parts);
}

Status settle_tables(capture::TracerOptions& tracer, const Raw& raw) {
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

void settle_classify(pipeline::RecordRequest& record, const Raw& raw) {
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

Status settle_trace(Options& options, const Raw& raw) {
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
    const auto equals = map.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error{ErrorKind::usage, fmt::format("--path-map wants FROM=TO, not '{}'", map),
                   "as in --path-map /build/src=src", 0};
    record.path_maps.emplace_back(map.substr(0, equals), map.substr(equals + 1));
  }
  if (!record.source_root.empty()) {
    std::error_code error;
    // debug information has absolute paths; the folder need not be on this machine
    const auto root = std::filesystem::absolute(record.source_root, error);
    if (!error) record.source_root = root.string();
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

Status settle_reports(Options& options, const Raw& raw) {
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

Status need_recordings(const Options& options) {
  const bool needs = (options.command == Command::judge && !options.print_policy) ||
                     (options.command == Command::baseline && options.baseline_action != "show");
  if (needs && options.inputs.empty())
    return Error{ErrorKind::usage, "no recording was given", "leakgate record -o FILE -- COMMAND writes one",
                 0};
  if (!needs && !options.inputs.empty())
    return Error{ErrorKind::usage,
                 fmt::format("'{}' was given, and no recording is wanted here", options.inputs.front()),
                 "leakgate COMMAND --help tells what is", 0};
  return {};
}

/// A variable that is not set in a script gives an empty word, and would switch off what was asked for.
Status refuse_empty_values(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    const auto& values = option->results();
    if (std::none_of(values.begin(), values.end(), [](const std::string& value) { return value.empty(); }))
      continue;
    return Error{ErrorKind::usage, fmt::format("{} was given an empty value", option->get_name()),
                 "is a variable not set? leave the option out where nothing is wanted", 0};
  }
  return {};
}

Status need_command(const Options& options) {
  if (!options.record.command.empty()) return {};
  const char* name = options.command == Command::run ? "run" : "record";
  return Error{ErrorKind::usage, "no command to run was given",
               fmt::format("put it behind --, as in: leakgate {} -- ./my_tests", name), 0};
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  Raw raw;
  CLI::App app("Runs C and C++ test binaries under an eBPF allocation tracer and gates on what they leak.",
               "leakgate");
  app.set_version_flag("--version", "leakgate " LEAKGATE_VERSION);
  app.require_subcommand(0, 1);
  CLI::App* run = app.add_subcommand("run", "Run a command, trace it, judge it, report");
  run->footer("Usage: leakgate run [OPTIONS] -- COMMAND [ARGS...]");
  add_gate_options(*run, options, raw);
  add_trace_options(*run, options, raw);
  run->add_option("--retry-suspects", raw.retry_suspects,
                  "Run tests that leak K times more, on their own, to tell flaky leaks")
      ->type_name("K");
  run->add_option("--recording", options.recording, "Keep the recording in FILE as well")->type_name("FILE");
  CLI::App* record = app.add_subcommand("record", "Run a command, trace it, write the recording");
  record->footer("Usage: leakgate record [OPTIONS] -o FILE -- COMMAND [ARGS...]");
  record->add_option("--output,-o", options.recording, "Write the recording to FILE")
      ->type_name("FILE")
      ->required();
  add_trace_options(*record, options, raw);
  CLI::App* judge = app.add_subcommand("judge", "Judge recordings and report; needs no privileges");
  judge->add_option("RECORDING", options.inputs, "Recordings; several are merged");
  judge->add_flag("--print-policy", options.print_policy, "Print the policy that holds, and do nothing else");
  judge
      ->add_option("--write-suppressions", options.write_suppressions,
                   "Write suppressions for what fails to FILE")
      ->type_name("FILE");
  add_merge_options(*judge, raw);
  add_gate_options(*judge, options, raw);
  CLI::App* baseline = app.add_subcommand("baseline", "Accepted leaks: look at them, compare, ratchet");
  baseline->add_option("ACTION", options.baseline_action, "show, diff or update")
      ->required()
      ->check(CLI::IsMember({"show", "diff", "update"}));
  baseline->add_option("FILE", options.baseline_file, "The baseline")->required();
  baseline->add_option("RECORDING", options.inputs, "diff, update: recordings of a complete run");
  baseline
      ->add_option("--accept", options.accept_reason,
                   "update: accept what is new or has grown, for this REASON")
      ->type_name("REASON");
  baseline
      ->add_option("--leak-exit-code", raw.leak_exit_code,
                   "Exit status where something is new or has grown (default 23)")
      ->type_name("N");
  add_merge_options(*baseline, raw);
  add_policy_options(*baseline, options, raw);
  baseline->footer("Usage: leakgate baseline show FILE | leakgate baseline diff|update FILE RECORDING...");
  CLI::App* doctor =
      app.add_subcommand("doctor", "Tell what works here, what does not, and what to do about it");
  doctor->add_flag("--probes", options.list_probes,
                   "List where probes go: object, symbol, offset, instruction, cost");
  // named for the help alone: their arguments are leakgate-sim's (simulator_command.h)
  app.add_subcommand("simulate", "Leak scenarios with known truth: list, describe, run, score");
  app.add_subcommand("calibrate", "Measure accuracy and cost on this machine");
  CLI::App* self_test = app.add_subcommand("self-test-target", "Used by doctor")->group("");
  judge->footer("Usage: leakgate judge [OPTIONS] RECORDING...");
  doctor->footer("Usage: leakgate doctor [--probes]");
  for (CLI::App* sub : {run, record, judge, baseline})
    sub->add_flag("-v,--verbose", options.verbose, "Tell more");

  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> own(arguments.begin(), separator);
  if (separator != arguments.end()) options.record.command.assign(separator + 1, arguments.end());
  std::reverse(own.begin(), own.end());  // CLI11 takes arguments from the back
  try {
    app.parse(own);
  } catch (const CLI::CallForHelp&) {
    options.help_text = (run->parsed()        ? run
                         : record->parsed()   ? record
                         : judge->parsed()    ? judge
                         : baseline->parsed() ? baseline
                         : doctor->parsed()   ? doctor
                                              : &app)
                            ->help();
    return options;
  } catch (const CLI::CallForVersion& version) {
    options.command = Command::version;
    options.help_text = std::string(version.what()) + "\n";
    return options;
  } catch (const CLI::ParseError& error) {
    std::string message = error.what();
    if (!message.empty() && message.back() == '.') message.pop_back();
    return Error{ErrorKind::usage, message,
                 "leakgate --help lists commands, leakgate COMMAND --help their options; the command to run "
                 "stands behind --",
                 0};
  }
  options.command = run->parsed()         ? Command::run
                    : record->parsed()    ? Command::record
                    : judge->parsed()     ? Command::judge
                    : baseline->parsed()  ? Command::baseline
                    : doctor->parsed()    ? Command::doctor
                    : self_test->parsed() ? Command::self_test_target
                                          : Command::help;
  if (options.command == Command::help) {
    if (separator != arguments.end() || !arguments.empty())
      return Error{ErrorKind::usage, "no leakgate command was given",
                   "leakgate run -- COMMAND is the usual one; leakgate --help lists all", 0};
    options.help_text = app.help();
    return options;
  }
  for (const CLI::App* parsed : app.get_subcommands())
    if (auto given = refuse_empty_values(*parsed); !given) return std::move(given).error();
  if (auto settled = settle_policy(options, raw); !settled) return std::move(settled).error();
  if (auto settled = settle_merge(options, raw); !settled) return std::move(settled).error();
  if (auto settled = settle_trace(options, raw); !settled) return std::move(settled).error();
  if (auto settled = settle_reports(options, raw); !settled) return std::move(settled).error();
  if (auto given = need_recordings(options); !given) return std::move(given).error();
  if (options.command == Command::run || options.command == Command::record) {
    if (auto given = need_command(options); !given) return std::move(given).error();
  } else if (!options.record.command.empty()) {
    return Error{ErrorKind::usage,
                 fmt::format("this command takes no command to run, but '{}' stands behind --",
                             options.record.command.front()),
                 "leakgate run and leakgate record take one", 0};
  }
  return options;
}

}  // namespace leakgate::cli
