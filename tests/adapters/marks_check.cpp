// SPDX-License-Identifier: Apache-2.0
// marks_check: are the windows that the marks give those that the framework itself reports?
// Runs the command natively with the framework's XML output, then as given under breakpoints at the marks,
// and compares suite, name, file, line and outcome of every window, in order. Exit status 0: equal. Prints
// every window with --print.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "tests/adapters/marks_trace.h"
#include "tests/adapters/marks_truth.h"

namespace {

using namespace leakgate;
using namespace leakgate::adapters_test;

struct Options {
  std::string framework;
  std::string crashed;  // the name of the test that dies of a signal; nothing else is then compared
  std::string scratch = ".";
  unsigned times = 1;  // each test is expected this often
  int death_children = -1;
  bool any_order = false;
  bool wire_only = false;
  bool print = false;
  bool no_outcome = false;
  bool second_choice = false;  // accept functions of second choice
  std::vector<std::string> command;
  std::vector<std::string> traced_only;  // more arguments for the run that is traced (other reporters)
};

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  int i = 1;
  for (; i < argc && std::string(argv[i]) != "--"; ++i) {
    const std::string word = argv[i];
    const auto value = [&](const char* name) -> const char* {
      const std::string prefix = std::string(name) + "=";
      return word.rfind(prefix, 0) == 0 ? argv[i] + prefix.size() : nullptr;
    };
    if (const char* framework = value("--framework"))
      options.framework = framework;
    else if (const char* crashed = value("--crashed"))
      options.crashed = crashed;
    else if (const char* scratch = value("--scratch"))
      options.scratch = scratch;
    else if (const char* times = value("--times"))
      options.times = static_cast<unsigned>(std::atoi(times));
    else if (const char* children = value("--death-children"))
      options.death_children = std::atoi(children);
    else if (const char* argument = value("--trace-arg"))
      options.traced_only.emplace_back(argument);
    else if (word == "--any-order")
      options.any_order = true;
    else if (word == "--wire-only")
      options.wire_only = true;
    else if (word == "--print")
      options.print = true;
    else if (word == "--no-outcome")
      options.no_outcome = true;
    else if (word == "--second-choice")
      options.second_choice = true;
    else
      return std::nullopt;
  }
  for (++i; i < argc; ++i)
    options.command.emplace_back(argv[i]);
  if (options.framework.empty() || options.command.empty()) return std::nullopt;
  return options;
}

/// Runs the command without anything attached, so that it writes its XML.
bool run_natively(std::vector<std::string> command, const std::vector<std::string>& more) {
  command.insert(command.end(), more.begin(), more.end());
  std::vector<char*> argv;
  for (std::string& word : command)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr)) ::_exit(127);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 126 &&
         WEXITSTATUS(status) != 127;
}

std::string row(const std::string& suite, const std::string& name, const std::string& file,
                std::uint32_t line, const std::string& outcome) {
  return suite + " | " + name + " | " + file + ":" + std::to_string(line) + " | " + outcome;
}

int complain(const std::string& message) {
  std::fprintf(stderr, "marks_check: %s\n", message.c_str());
  return 1;
}

int check_presence(const Options& options, const MarkTrace& trace) {
  if (trace.probes.empty()) return complain("no marks found");
  for (const attribute::FrameworkPresence& presence : trace.frameworks) {
    std::printf("%s: %s%s%s", presence.variant.c_str(), presence.complete ? "complete" : "not complete",
                presence.second_choice ? ", second choice" : "", presence.abi_assumed ? ", ABI assumed" : "");
    for (const std::string& symbol : presence.missing)
      std::printf(", missing %s", symbol.c_str());
    std::printf("\n");
    if (!presence.complete) return complain(presence.variant + " is not complete");
    if (presence.second_choice && !options.second_choice)
      return complain("a function of second choice is used");
  }
  return 0;
}

/// True if the XML says where the tests are: GoogleTest's does since 1.10.
bool tells_files(const std::vector<TrueTest>& truth) {
  return std::any_of(truth.begin(), truth.end(), [](const TrueTest& test) { return !test.file.empty(); });
}

/// Each window as a row; the windows of children (death tests run other tests' windows never) are left out.
std::vector<std::string> rows_of(const Options& options, const MarkTrace& trace, bool files) {
  std::vector<std::string> rows;
  for (const Window& window : trace.windows) {
    if (!window.in_main_process) continue;
    rows.push_back(row(window.suite, window.name, files ? window.file : "", files ? window.line : 0,
                       options.no_outcome ? "" : window.outcome));
  }
  return rows;
}

int compare(const Options& options, const std::vector<TrueTest>& truth, const MarkTrace& trace) {
  std::vector<std::string> seen = rows_of(options, trace, tells_files(truth));
  std::vector<std::string> expected;
  for (unsigned time = 0; time < options.times; ++time) {
    for (const TrueTest& test : truth) {
      expected.push_back(
          row(test.suite, test.name, test.file, test.line, options.no_outcome ? "" : test.outcome));
    }
  }
  if (options.any_order) {
    std::sort(seen.begin(), seen.end());
    std::sort(expected.begin(), expected.end());
  }
  int wrong = 0;
  for (std::size_t i = 0; i < std::max(seen.size(), expected.size()); ++i) {
    const std::string& got = i < seen.size() ? seen[i] : "(nothing)";
    const std::string& want = i < expected.size() ? expected[i] : "(nothing)";
    if (got == want) continue;
    wrong = complain("row " + std::to_string(i) + "\n  seen     " + got + "\n  expected " + want);
  }
  for (const Window& window : trace.windows) {
    if (!window.end_name.empty() && window.end_name != window.name) {
      wrong = complain("the end of '" + window.name + "' names '" + window.end_name + "'");
    }
  }
  std::printf("%zu windows, %zu expected\n", seen.size(), expected.size());
  return expected.empty() ? complain("the framework reports no test") : wrong;
}

int check_crash(const Options& options, const MarkTrace& trace) {
  if (trace.signal == 0 && trace.exit_code == 0) return complain("the command did not fail");
  const Window* last = nullptr;
  for (const Window& window : trace.windows) {
    if (window.in_main_process) last = &window;
  }
  if (!last || last->name != options.crashed || last->outcome != "crashed") {
    return complain("the last window is '" + (last ? last->name + "', " + last->outcome : "missing'"));
  }
  return 0;
}

int check(const Options& options) {
  const std::string stem = options.scratch + "/marks_check." + std::to_string(::getpid());
  const std::string xml = stem + ".xml", output = stem + ".out";
  std::vector<TrueTest> truth;
  if (options.crashed.empty()) {
    if (!run_natively(options.command, xml_options(options.framework, xml)))
      return complain("the command does not run");
    Result<std::vector<TrueTest>> read = read_truth(options.framework, xml);
    ::unlink(xml.c_str());
    if (!read) return complain(read.error().message + ": " + read.error().hint);
    truth = std::move(*read);
  }
  const attribute::MarkSet set = options.wire_only ? attribute::MarkSet::wire_only : attribute::MarkSet::full;
  std::vector<std::string> command = options.command;
  command.insert(command.end(), options.traced_only.begin(), options.traced_only.end());
  const Result<MarkTrace> trace = trace_marks(command, set, output);
  ::unlink(output.c_str());
  if (!trace) return complain(trace.error().message);
  if (options.print) {
    for (const std::string& probe : trace->probes)
      std::printf("probe %s\n", probe.c_str());
    for (const Window& window : trace->windows) {
      std::printf("%d%s %s\n", static_cast<int>(window.pid), window.death_child ? " death child" : "",
                  row(window.suite, window.name, window.file, window.line, window.outcome).c_str());
    }
  }
  std::printf("%u death forks announced, %u followed, %u idle ends\n", trace->death_forks,
              trace->death_children, trace->idle_ends);
  if (const int wrong = check_presence(options, *trace)) return wrong;
  if (!options.crashed.empty()) return check_crash(options, *trace);
  if (options.death_children >= 0 && trace->death_children != static_cast<unsigned>(options.death_children)) {
    return complain("expected " + std::to_string(options.death_children) + " death test children");
  }
  return compare(options, truth, *trace);
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = parse(argc, argv);
  if (!options) {
    std::fprintf(stderr,
                 "usage: marks_check --framework=gtest|catch2|doctest|boost [--crashed=NAME] [--times=N] "
                 "[--any-order]\n"
                 "       [--death-children=N] [--wire-only] [--second-choice] [--no-outcome] [--print] "
                 "[--scratch=DIR]\n"
                 "       -- COMMAND [ARGS...]\n");
    return 2;
  }
  return check(*options);
}
