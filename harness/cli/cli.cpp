// SPDX-License-Identifier: Apache-2.0
// Commands: what each does, in order, and what is said of it.
#include "harness/cli/cli.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>

#include "harness/base/atomic_file.h"
#include "harness/base/text.h"
#include "harness/cli/baseline_command.h"
#include "harness/cli/console.h"
#include "harness/cli/ctest_commands.h"
#include "harness/cli/exit_status.h"
#include "harness/cli/inputs.h"
#include "harness/cli/merge_files.h"
#include "harness/cli/outputs.h"
#include "harness/cli/simulator_command.h"
#include "harness/cli/valgrind_flags.h"
#include "harness/judge/judge.h"
#include "harness/judge/policy_file.h"
#include "harness/model/only_tests.h"
#include "harness/model/recording_file.h"
#include "harness/model/valid_text.h"
#include "harness/pipeline/record.h"
#include "harness/pipeline/repeat.h"
#include "harness/pipeline/retry.h"
#include "harness/report/junit_inputs.h"
#include "harness/report/report.h"

namespace leakgate::cli {
namespace {

bool wants_colour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(fd) && !(no_colour && *no_colour) && !(terminal && std::string_view(terminal) == "dumb");
}

Status write_console(const model::Verdict& verdict, const Options& options, std::FILE* stream) {
  report::ConsoleStyle style;
  style.verbose = options.verbose;
  if (!options.output.empty()) return write_whole(options.output, report::render_console(verdict, style));
  style.colour = wants_colour(::fileno(stream));
  const std::string text = report::render_console(verdict, style);
  if (std::fwrite(text.data(), 1, text.size(), stream) != text.size() || std::fflush(stream) != 0)
    return system_error(ErrorKind::io, "cannot write the console report", errno);
  return {};
}

/// Where unwinding rows and names are kept between runs. Root's lie where only root can write; what HOME says
/// is not asked then, since sudo may leave it as the invoking user's.
std::string cache_directory() {
  if (::geteuid() == 0) return "/var/cache/leakgate";
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache == '/')
    return std::string(cache) + "/leakgate";
  if (const char* home = std::getenv("HOME"); home && *home == '/')
    return std::string(home) + "/.cache/leakgate";
  return {};
}

/// A file that was named and is not there is no missing command. `own`: what a command that has run ended
/// with; where it failed by itself, that stays what is told.
int refuse(const Error& error, int own = kPass) {
  say(error);
  return own != kPass ? own : kCannot;
}

/// What the command ended with, where that is to be told.
int own_status(const model::RunInfo& run, const Options& options) {
  const bool is_told = options.exit_rule == ExitRule::all || options.exit_rule == ExitRule::command;
  return is_told ? target_status(run) : kPass;
}

/// A test that was to run and did not, or not to its end, is no clean test.
void miss_expected_tests(model::Recording& recording, const Options& options) {
  auto& reasons = recording.run.incomplete_reasons;
  const auto tell_crash = [&](const model::Test& test) {
    reasons.push_back(
        {"test_crashed", 1, fmt::format("test {} crashed, so its leaks cannot be told", test.id), ""});
  };
  for (const std::string& id : options.expected_tests) {
    const auto test = std::find_if(recording.tests.begin(), recording.tests.end(),
                                   [&](const model::Test& one) { return one.id == id; });
    if (test == recording.tests.end())
      reasons.push_back(
          {"test_not_run", 1, fmt::format("test {} did not run, or its start was not seen", id),
           "see whether the filter selects it; in a stripped program tests cannot be told apart"});
    else if (test->outcome == model::Outcome::crashed && options.exit_rule != ExitRule::gate)
      tell_crash(*test);
  }
  // elsewhere the command's own failure is what the exit status tells
  if (options.exit_rule != ExitRule::gate) return;
  for (const model::Test& test : recording.tests)
    if (test.outcome == model::Outcome::crashed && !test.outside) tell_crash(test);
}

/// Rows of an earlier run must not be taken for those of this one where this one fails.
void remove_old_rows(const Options& options) {
  for (const report::ReportFile& file : options.reports)
    if (file.format == report::Format::ctest_rows) std::remove(file.path.c_str());
}

/// Judges and reports; the same for run and judge, which is what makes their reports equal.
int conclude(model::Recording recording, const judge::Policy& policy, const report::JunitInputs& merge,
             const Options& options, std::FILE* console) {
  const int own = options.command == Command::run ? own_status(recording.run, options) : kPass;
  if (options.only_expected_tests) model::keep_only_tests(recording, options.expected_tests);
  miss_expected_tests(recording, options);
  const model::Verdict verdict = judge::judge(std::move(recording), policy);
  Status written = report::write_reports(verdict, options.reports, merge);
  if (written && !options.write_suppressions.empty())
    written = write_whole(options.write_suppressions, judge::format_suppressions(verdict));
  // what was found is told even where a file could not be written
  if (auto told = write_console(verdict, options, console); written && !told) written = std::move(told);
  if (!written) return refuse(written.error(), own);
  const bool fails =
      !options.reachable_shown_only ||
      std::any_of(verdict.leaks.begin(), verdict.leaks.end(), [](const model::Leak& leak) {
        return leak.verdict == model::LeakVerdict::fail && leak.kind != model::Kind::still_reachable;
      });
  return exit_status(verdict, options.leak_exit_code, fails ? options.exit_rule : ExitRule::command);
}

int print_policy(const Options& options) {
  const auto policy = load_policy(options.policy);
  if (!policy) return refuse(policy.error());
  const std::string from = policy->file.empty() ? "no file: defaults and flags" : policy->file;
  print(stderr, "leakgate: the policy is from {}\n", from);
  put(stdout, judge::format_policy(*policy));
  return kPass;
}

/// Before the command has run.
int fail(const Error& error, const Options& options) {
  const bool cannot_trace = error.kind == ErrorKind::unsupported || error.kind == ErrorKind::permission;
  say(error);
  if (!options.skip_if_unsupported || !cannot_trace) return exit_status(error);
  print(stderr, "leakgate: skipped: the command was not run (--if-unsupported=skip)\n");
  return kSkipped;
}

/// The command writes to standard output as well, and a recording is read to its last byte.
Status check_recording(const Options& options) {
  if (options.recording != "-") return {};
  return Error{ErrorKind::usage, "a recording is not written to standard output, which is the command's",
               "give it a file of its own with -o or --recording", 0};
}

int run_or_record(const Options& options) {
  if (auto ok = check_recording(options); !ok) return refuse(ok.error());
  if (auto ok = check_outputs(options); !ok) return fail(ok.error(), options);
  judge::Policy policy;
  if (options.command == Command::run) {
    auto loaded = load_policy(options.policy);
    if (!loaded) return refuse(loaded.error());
    policy = std::move(*loaded);
  }
  if (auto ok = check_overwrites(options, policy); !ok) return refuse(ok.error());
  remove_old_rows(options);
  const MergeFiles merge_files(options.merge_junit);
  pipeline::RecordRequest request = options.record;
  request.policy = policy;
  auto recording = options.rounds == 0 ? pipeline::record_command(request)
                                       : pipeline::record_repeated(request, options.rounds);
  if (!recording) return fail(recording.error(), options);
  const int own = own_status(recording->run, options);
  if (options.retries != 0)
    recording = pipeline::retry_suspects(request, std::move(*recording), options.retries);
  if (!recording) return refuse(recording.error(), own);
  model::make_text_valid(*recording);  // by now nothing has to be found by the names that the programs have
  if (!options.recording.empty())
    if (auto written = model::write_recording(*recording, options.recording); !written)
      return refuse(written.error(), own);
  if (options.command == Command::run) {
    // the framework's own XML is there only now
    const MergedFiles merge = merge_files.read();
    std::for_each(merge.left_out.begin(), merge.left_out.end(), say);
    const int status = conclude(std::move(*recording), policy, merge.inputs, options, stderr);
    return status == kPass && merge.any_unreadable() ? kCannot : status;
  }
  const auto reasons = judge::incomplete_reasons(*recording);
  for (const model::IncompleteReason& reason : reasons)
    print(stderr, "leakgate: incomplete: {} ({})\n", printable(reason.message),
          counted(reason.count, "time"));
  if (own != kPass) return own;
  return reasons.empty() ? kPass : kCannot;
}

int run_judge(const Options& options) {
  if (options.print_policy) return print_policy(options);
  if (auto ok = check_outputs(options); !ok) return fail(ok.error(), options);
  auto merge = report::read_junit_inputs(options.merge_junit);
  if (!merge) return refuse(merge.error());
  auto policy = load_policy(options.policy);
  if (!policy) return refuse(policy.error());
  if (auto ok = check_overwrites(options, *policy); !ok) return refuse(ok.error());
  auto recording = read_recordings(options);
  if (!recording) return refuse(recording.error());
  return conclude(std::move(*recording), *policy, *merge, options,
                  writes_to_output(options) ? stderr : stdout);
}

int run_command(const std::vector<std::string>& arguments, const launch::CallerState& caller) {
  if (is_simulator_command(arguments)) return run_simulator(arguments);
  if (const auto status = run_ctest_command(arguments)) return *status;
  survive_failing_writes();
  auto options = is_valgrind_call(arguments) ? parse_valgrind_call(arguments) : parse_options(arguments);
  if (!options) {
    say(options.error());
    return exit_status(options.error());
  }
  options->record.caller = caller;
  options->record.tracer.cache_directory = cache_directory();
  switch (options->command) {
    case Command::help:
    case Command::version:
      put(stdout, options->help_text);
      return kPass;
    case Command::run:
    case Command::record:
      return run_or_record(*options);
    case Command::judge:
      return run_judge(*options);
    case Command::baseline:
      return run_baseline(*options);
    case Command::doctor:
      return run_doctor(*options, caller);
    case Command::self_test_target:
      return run_self_test_target();
  }
  return kCannot;
}

}  // namespace

int run(const std::vector<std::string>& arguments, const launch::CallerState& caller) {
  occupy_standard_descriptors();
  try {
    return with_output_written(run_command(arguments, caller));
  } catch (const std::bad_alloc&) {
    return refuse(Error{ErrorKind::io, "there is not enough memory for leakgate",
                        "see ulimit -d and -v, and the memory that the container may use", 0});
  } catch (const std::exception& error) {
    return refuse(Error{ErrorKind::internal, error.what(), "", 0});
  }
}

}  // namespace leakgate::cli
