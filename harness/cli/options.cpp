// SPDX-License-Identifier: Apache-2.0
// The option tables, on CLI11. Its exceptions end here.
#include "harness/cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace leakgate::cli {
namespace {

/// Values as the options hold them, before they are checked against each other.
struct Raw {
  std::string json, junit, sarif;
  double timeout_s = 0;
  double wait_s = 1;
  std::string max_live_blocks = "auto";
  std::string max_stacks = "auto";
  std::string backend = "auto";
  std::string if_unsupported = "fail";
  std::string isolation = "auto";
  std::vector<std::string> path_maps;
};

void add_gate_options(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--json", raw.json, "Write the result as JSON to FILE (- is standard output)")
      ->type_name("FILE");
  app.add_option("--junit", raw.junit, "Write a JUnit XML report to FILE")->type_name("FILE");
  app.add_option("--sarif", raw.sarif, "Write a SARIF 2.1.0 report to FILE")->type_name("FILE");
  app.add_option("--output,-o", options.output, "Write the console report to FILE")->type_name("FILE");
  app.add_option("--max-leaked-bytes", options.policy.max_leaked_bytes,
                 "Tolerate up to N leaked bytes in all")
      ->type_name("N");
  app.add_option("--max-leaked-blocks", options.policy.max_leaked_blocks,
                 "Tolerate up to N leaked blocks in all")
      ->type_name("N");
  app.add_option("--min-size", options.policy.min_size_bytes, "Let leaks of fewer than N bytes pass")
      ->type_name("N");
  app.add_option("--min-age", options.policy.min_age_s, "Let leaks younger than S seconds pass")
      ->type_name("S")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--leak-exit-code", options.leak_exit_code, "Exit status when the gate fails (default 23)")
      ->type_name("N")
      ->check(CLI::Range(1, 124));
}

void add_trace_options(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--timeout", raw.timeout_s, "End the command after S seconds")
      ->type_name("S")
      ->check(CLI::PositiveNumber);
  app.add_option("--wait", raw.wait_s,
                 "Wait up to S seconds for processes the command leaves behind (default 1)")
      ->type_name("S")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--backend", raw.backend, "auto or ebpf")->check(CLI::IsMember({"auto", "ebpf"}));
  app.add_option("--unwind", options.record.tracer.unwind, "auto, eh_frame, frame-pointer or none")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, capture::UnwindMode>{{"auto", capture::UnwindMode::automatic},
                                                     {"eh_frame", capture::UnwindMode::eh_frame},
                                                     {"frame-pointer", capture::UnwindMode::frame_pointer},
                                                     {"none", capture::UnwindMode::none}}));
  app.add_option("--if-unsupported", raw.if_unsupported,
                 "fail, or skip: exit with 77 where tracing is not possible")
      ->check(CLI::IsMember({"fail", "skip"}));
  app.add_option("--isolation", raw.isolation,
                 "auto: probe a private copy of the C library; off: the machine's own")
      ->check(CLI::IsMember({"auto", "off"}));
  app.add_option("--max-live-blocks", raw.max_live_blocks, "Room for live blocks, or auto: grows to need")
      ->type_name("N");
  app.add_option("--max-stacks", raw.max_stacks, "Room for distinct call stacks, or auto: grows to need")
      ->type_name("N");
  app.add_option("--max-processes", options.record.tracer.max_processes, "Room for processes (default 16384)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--ring-bytes", options.record.tracer.ring_bytes, "Size of the ring buffer: a power of two")
      ->type_name("N")
      ->check(CLI::Range(4096, 1 << 30));
  app.add_option("--source-root", options.record.source_root, "Show source paths relative to DIR")
      ->type_name("DIR");
  app.add_option("--path-map", raw.path_maps, "Replace the path prefix FROM by TO")->type_name("FROM=TO");
  app.add_flag("--as-root", options.record.as_root,
               "Under sudo: run the command as root, not as the user who called sudo");
}

/// A count, or 0 for "auto".
Result<std::uint64_t> count_or_auto(const std::string& option, const std::string& text) {
  if (text == "auto") return std::uint64_t{0};
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value == 0)
    return Error{ErrorKind::usage, fmt::format("{} wants a number above 0 or auto, not '{}'", option, text),
                 "", 0};
  return value;
}

Status settle_trace(Options& options, const Raw& raw) {
  auto& record = options.record;
  if (raw.timeout_s > 0)
    record.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(raw.timeout_s * 1000));
  record.wait = std::chrono::milliseconds(static_cast<std::int64_t>(raw.wait_s * 1000));
  record.private_copies = raw.isolation == "auto";
  options.skip_if_unsupported = raw.if_unsupported == "skip";
  const std::uint32_t ring = record.tracer.ring_bytes;
  if ((ring & (ring - 1)) != 0)
    return Error{ErrorKind::usage, fmt::format("--ring-bytes must be a power of two, not {}", ring), "", 0};
  auto blocks = count_or_auto("--max-live-blocks", raw.max_live_blocks);
  if (!blocks) return std::move(blocks).error();
  record.tracer.max_live_blocks = *blocks;
  auto stacks = count_or_auto("--max-stacks", raw.max_stacks);
  if (!stacks) return std::move(stacks).error();
  record.tracer.max_stacks = static_cast<std::uint32_t>(std::min<std::uint64_t>(*stacks, 1u << 20));
  for (const std::string& map : raw.path_maps) {
    const auto equals = map.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error{ErrorKind::usage, fmt::format("--path-map wants FROM=TO, not '{}'", map), "", 0};
    record.path_maps.emplace_back(map.substr(0, equals), map.substr(equals + 1));
  }
  return {};
}

Status settle_reports(Options& options, const Raw& raw) {
  std::set<std::string> seen;
  const auto add = [&](report::Format format, const std::string& path) -> Status {
    if (path.empty()) return {};
    if (!seen.insert(path).second)
      return Error{ErrorKind::usage,
                   fmt::format("two reports are to be written to {}", path == "-" ? "standard output" : path),
                   "give each report a file of its own", 0};
    if (format != report::Format::console) options.reports.push_back({format, path});
    return {};
  };
  if (auto added = add(report::Format::json, raw.json); !added) return added;
  if (auto added = add(report::Format::junit, raw.junit); !added) return added;
  if (auto added = add(report::Format::sarif, raw.sarif); !added) return added;
  return add(report::Format::console, options.output);
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
  run->add_option("--recording", options.recording, "Keep the recording in FILE as well")->type_name("FILE");
  CLI::App* record = app.add_subcommand("record", "Run a command, trace it, write the recording");
  record->footer("Usage: leakgate record [OPTIONS] -o FILE -- COMMAND [ARGS...]");
  record->add_option("--output,-o", options.recording, "Write the recording to FILE")
      ->type_name("FILE")
      ->required();
  add_trace_options(*record, options, raw);
  CLI::App* judge = app.add_subcommand("judge", "Judge recordings and report; needs no privileges");
  judge->add_option("RECORDING", options.inputs, "Recordings; several are merged")->required();
  add_gate_options(*judge, options, raw);
  CLI::App* doctor =
      app.add_subcommand("doctor", "Tell what works here, what does not, and what to do about it");
  doctor->add_flag("--probes", options.list_probes,
                   "List where probes go: object, symbol, offset, instruction, cost");
  CLI::App* self_test = app.add_subcommand("self-test-target", "Used by doctor")->group("");
  for (CLI::App* sub : {run, record, judge})
    sub->add_flag("-v,--verbose", options.verbose, "Tell more");

  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> own(arguments.begin(), separator);
  if (separator != arguments.end()) options.record.command.assign(separator + 1, arguments.end());
  std::reverse(own.begin(), own.end());  // CLI11 takes arguments from the back
  try {
    app.parse(own);
  } catch (const CLI::CallForHelp&) {
    options.help_text = (run->parsed()      ? run
                         : record->parsed() ? record
                         : judge->parsed()  ? judge
                         : doctor->parsed() ? doctor
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
  if (auto settled = settle_trace(options, raw); !settled) return std::move(settled).error();
  if (auto settled = settle_reports(options, raw); !settled) return std::move(settled).error();
  if (options.command == Command::run || options.command == Command::record) {
    if (auto given = need_command(options); !given) return std::move(given).error();
  } else if (!options.record.command.empty()) {
    return Error{ErrorKind::usage,
                 fmt::format("this command takes no command to run, but '{}' stands behind --",
                             options.record.command.front()),
                 "", 0};
  }
  return options;
}

}  // namespace leakgate::cli
