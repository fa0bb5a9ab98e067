// SPDX-License-Identifier: Apache-2.0
// The option tables, on CLI11. Its exceptions end here.
#include "harness/cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <span>

#include "harness/cli/option_values.h"
#include "harness/cli/usage_checks.h"

namespace leakgate::cli {
namespace {

void add_policy_options(CLI::App& app, Options& options, OptionValues& raw) {
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

void add_gate_options(CLI::App& app, Options& options, OptionValues& raw) {
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

/// For the rows of the CMake module.
void add_row_options(CLI::App& app, Options& options) {
  app.add_flag("--only-expected-tests", options.only_expected_tests,
               "Judge no other tests of a process that runs one of --expect-test")
      ->group("");
}

void add_merge_options(CLI::App& app, OptionValues& raw) {
  app.add_option("--merge", raw.merge,
                 "parts: of one suite and one build, none missing (default); whole: likewise, and one part "
                 "alone is refused too; any: whatever is given")
      ->check(CLI::IsMember({"parts", "whole", "any"}));
  app.add_option("--expect-parts", raw.expect_parts, "Refuse unless N recordings are given")->type_name("N");
}

void add_trace_options(CLI::App& app, Options& options, OptionValues& raw) {
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

Error not_understood(const CLI::ParseError& error) {
  std::string message = error.what();
  if (!message.empty() && message.back() == '.') message.pop_back();
  return Error{ErrorKind::usage, message,
               "leakgate --help lists commands, leakgate COMMAND --help their options; the command to run "
               "stands behind --",
               0};
}

Error empty_value(const std::string& option) {
  return Error{ErrorKind::usage, fmt::format("{} was given an empty value", option),
               "is a variable not set? leave the option out where nothing is wanted", 0};
}

/// A variable that is not set in a script gives an empty word, and would switch off what was asked for.
Status refuse_empty_values(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    const auto& values = option->results();
    if (std::none_of(values.begin(), values.end(), [](const std::string& value) { return value.empty(); }))
      continue;
    return empty_value(option->get_name());
  }
  return {};
}

Status refuse_needless_accept(const Options& options) {
  if (options.accept_reason.empty() || options.baseline_action == "update") return {};
  return Error{ErrorKind::usage,
               fmt::format("baseline {} takes no --accept: it accepts nothing", options.baseline_action),
               "leakgate baseline update FILE RECORDING... --accept REASON does", 0};
}

Status need_command(const Options& options) {
  if (!options.record.command.empty()) return {};
  const char* name = options.command == Command::run ? "run" : "record";
  return Error{ErrorKind::usage, "no command to run was given",
               fmt::format("put it behind --, as in: leakgate {} -- ./my_tests", name), 0};
}

CLI::App* add_run(CLI::App& app, Options& options, OptionValues& raw) {
  CLI::App* const run = app.add_subcommand("run", "Run a command, trace it, judge it, report");
  run->footer("Usage: leakgate run [OPTIONS] -- COMMAND [ARGS...]");
  add_gate_options(*run, options, raw);
  add_row_options(*run, options);
  add_trace_options(*run, options, raw);
  run->add_option("--retry-suspects", raw.retry_suspects,
                  "Run tests that leak K times more, on their own, to tell flaky leaks")
      ->type_name("K");
  run->add_option("--recording", options.recording, "Keep the recording in FILE as well")->type_name("FILE");
  return run;
}

CLI::App* add_record(CLI::App& app, Options& options, OptionValues& raw) {
  CLI::App* const record = app.add_subcommand("record", "Run a command, trace it, write the recording");
  record->footer("Usage: leakgate record [OPTIONS] -o FILE -- COMMAND [ARGS...]");
  record->add_option("--output,-o", options.recording, "Write the recording to FILE")
      ->type_name("FILE")
      ->required();
  add_trace_options(*record, options, raw);
  return record;
}

CLI::App* add_judge(CLI::App& app, Options& options, OptionValues& raw) {
  CLI::App* const judge = app.add_subcommand("judge", "Judge recordings and report; needs no privileges");
  judge->footer("Usage: leakgate judge [OPTIONS] RECORDING...");
  judge->add_option("RECORDING", options.inputs, "Recordings; several are merged");
  judge->add_flag("--print-policy", options.print_policy, "Print the policy that holds, and do nothing else");
  judge
      ->add_option("--write-suppressions", options.write_suppressions,
                   "Write suppressions for what fails to FILE")
      ->type_name("FILE");
  add_merge_options(*judge, raw);
  add_gate_options(*judge, options, raw);
  add_row_options(*judge, options);
  return judge;
}

CLI::App* add_baseline(CLI::App& app, Options& options, OptionValues& raw) {
  CLI::App* const baseline = app.add_subcommand("baseline", "Accepted leaks: look at them, compare, ratchet");
  baseline->footer("Usage: leakgate baseline show FILE | leakgate baseline diff|update FILE RECORDING...");
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
  return baseline;
}

CLI::App* add_doctor(CLI::App& app, Options& options) {
  CLI::App* const doctor =
      app.add_subcommand("doctor", "Tell what works here, what does not, and what to do about it");
  doctor->footer("Usage: leakgate doctor [--probes]");
  doctor->add_flag("--probes", options.list_probes,
                   "List where probes go: object, symbol, offset, instruction, cost");
  return doctor;
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  OptionValues raw;
  CLI::App app("Runs C and C++ test binaries under an eBPF allocation tracer and gates on what they leak.",
               "leakgate");
  app.set_version_flag("--version", "leakgate " LEAKGATE_VERSION);
  app.require_subcommand(0, 1);
  CLI::App *const run = add_run(app, options, raw), *const record = add_record(app, options, raw),
                  *const judge = add_judge(app, options, raw),
                  *const baseline = add_baseline(app, options, raw), *const doctor = add_doctor(app, options);
  // named for the help alone: their arguments are leakgate-sim's (simulator_command.h)
  app.add_subcommand("simulate", "Leak scenarios with known truth: list, describe, run, score");
  app.add_subcommand("calibrate", "Measure accuracy and cost on this machine");
  CLI::App* const self_test = app.add_subcommand("self-test-target", "Used by doctor")->group("");
  for (CLI::App* sub : {run, record, judge, baseline})
    sub->add_flag("-v,--verbose", options.verbose, "Tell more");

  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  const std::span words(arguments.begin(), separator);
  std::vector<std::string> commands;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!sub->get_group().empty() || sub == self_test) commands.push_back(sub->get_name());
  if (auto known = check_command(words, commands); !known) return std::move(known).error();
  std::vector<std::string> own(words.begin(), words.end());
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
  } catch (const CLI::ArgumentMismatch& error) {
    const auto option = option_without_value(words);
    return option ? empty_value(*option) : not_understood(error);
  } catch (const CLI::ParseError& error) {
    return not_understood(error);
  }
  options.command = run->parsed()         ? Command::run
                    : record->parsed()    ? Command::record
                    : judge->parsed()     ? Command::judge
                    : baseline->parsed()  ? Command::baseline
                    : doctor->parsed()    ? Command::doctor
                    : self_test->parsed() ? Command::self_test_target
                                          : Command::help;
  // not help either: in a script whose arguments are missing it would pass for a gate
  if (options.command == Command::help)
    return Error{ErrorKind::usage, "no leakgate command was given",
                 "leakgate run -- COMMAND is the usual one; leakgate --help lists all", 0};
  for (const CLI::App* parsed : app.get_subcommands())
    if (auto given = refuse_empty_values(*parsed); !given) return std::move(given).error();
  if (auto settled = settle(options, raw); !settled) return std::move(settled).error();
  if (auto given = need_recordings(options); !given) return std::move(given).error();
  if (auto accepts = refuse_needless_accept(options); !accepts) return std::move(accepts).error();
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
