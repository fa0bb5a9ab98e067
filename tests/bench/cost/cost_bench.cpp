// SPDX-License-Identifier: Apache-2.0
// leakgate-bench [--json FILE] [--quick] [--rounds N] [--suite COMMAND] [--only NAME]...: what tracing costs,
// in one run, against native, the kernel's own floor and other tools. As root. Out: a table on standard
// output. docs/benchmarks.md tells how to read it.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/bench/cost/contenders.h"
#include "tests/bench/cost/cost_report.h"
#include "tests/bench/cost/figures.h"
#include "tests/bench/cost/measure.h"
#include "tests/bench/cost/probed_run.h"

namespace {

using namespace leakgate;
using namespace leakgate::bench;

int fail(const Error& error) {
  std::fprintf(stderr, "leakgate-bench: %s%s%s\n", error.message.c_str(), error.hint.empty() ? "" : "\n  ",
               error.hint.c_str());
  return 125;
}

/// The inner run: `leakgate-bench --empty-probes planned|entry -- COMMAND`.
int run_inner(int argc, char** argv, const launch::CallerState& caller) {
  const Placement placement = std::string_view(argv[2]) == "entry" ? Placement::entry : Placement::planned;
  const auto status = run_with_empty_probes({argv + 4, argv + argc}, placement, caller);
  return status ? *status : fail(status.error());
}

int run_all(const Places& places, const MeasureOptions& options, const std::string& json,
            const std::vector<std::string>& only) {
  std::vector<std::string> missing;
  std::vector<Contender> contenders = find_contenders(places, &missing);
  if (!only.empty())
    std::erase_if(contenders, [&](const Contender& contender) {
      return std::none_of(only.begin(), only.end(), [&](const std::string& part) {
        return contender.name.find(part) != std::string::npos;
      });
    });
  const Measurements measured = measure(contenders, places, options);
  const std::vector<Figure> figures = compute_figures(measured);
  std::fputs(format_table(measured, figures).c_str(), stdout);
  for (const std::string& name : missing)
    std::printf("not installed: %s\n", name.c_str());
  if (json.empty()) return 0;
  std::ofstream file(json);
  file << format_json(measured, figures, options, missing);
  file.close();
  if (!file) return fail({ErrorKind::io, "cannot write " + json, "", 0});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const launch::CallerState caller = launch::CallerState::capture();
  if (argc > 4 && std::string_view(argv[1]) == "--empty-probes") return run_inner(argc, argv, caller);
  MeasureOptions options;
  std::string json;
  std::vector<std::string> only;
  int rounds = 0;
  CLI::App app("What tracing costs, against native, the kernel's own floor and other tools");
  app.add_option("--json", json, "Write the measurements to FILE")->type_name("FILE");
  app.add_flag("--quick", options.quick, "Small counts, one round: a test of the benchmark, not of the cost");
  app.add_option("--rounds", rounds, "Rounds over all (default 5)")->check(CLI::Range(1, 1000));
  app.add_option("--suite", options.suite, "A test binary with its arguments, as one more workload");
  app.add_option("--workload", options.only, "Only workloads whose name contains TEXT")->type_name("TEXT");
  app.add_option("--only", only, "Contenders whose name contains TEXT; several can be given")
      ->type_name("TEXT");
  CLI11_PARSE(app, argc, argv);
  options.rounds = rounds ? rounds : options.quick ? 1 : 5;
  if (::geteuid() != 0)
    return fail({ErrorKind::permission, "placing probes takes root", "run it with sudo", 0});
  char scratch[] = "/tmp/leakgate-bench-XXXXXX";
  if (!::mkdtemp(scratch)) return fail(system_error(ErrorKind::io, "cannot make a directory", errno));
  const Places places{std::filesystem::read_symlink("/proc/self/exe").string(),
                      LEAKGATE_BINARY,
                      LEAKGATE_BENCH_WORK,
                      LEAKGATE_BENCH_WORK_FRAMES,
                      LEAKGATE_BENCH_TESTS,
                      LEAKGATE_BENCH_TABLE,
                      scratch,
                      std::string(scratch) + "/result.json"};
  const int status = run_all(places, options, json, only);
  std::error_code ignored;
  std::filesystem::remove_all(scratch, ignored);
  return status;
}
