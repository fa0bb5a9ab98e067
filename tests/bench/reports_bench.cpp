// SPDX-License-Identifier: Apache-2.0
// reports_bench [LEAKS] [FRAMES]: a run with so many leaks, each of its own site, through recording file,
// judge and every report. Prints milliseconds, bytes and the peak of resident memory; then what all of it
// takes on the wall, as `leakgate judge` does it: reports side by side, into files. The aim: 100,000 leaks in
// at most 10 s and 1 GiB.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "harness/judge/judge.h"
#include "harness/model/recording_file.h"
#include "harness/report/report.h"
#include "tests/unit/judge/recording_builder.h"

namespace {

using namespace leakgate;
/// Processor time: what else the machine does says nothing about the reports.
struct Clock {
  using time_point = double;
  static time_point now() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
  }
};

long peak_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

/// Stacks share the outer half of their frames, as real ones do; the inner half is each leak's own.
model::Recording make(std::size_t leaks, std::size_t frames) {
  test::RecordingBuilder builder;
  const auto process = builder.process();
  for (std::size_t i = 0; i < 1000; ++i)
    builder.test(process, "Suite" + std::to_string(i % 37) + ".Case" + std::to_string(i));
  const auto shared = builder.stack(test::with_gtest_below(std::vector<test::FrameText>(
      frames > 16 ? frames / 2 - 8 : 0,
      {"application::layer::forward_the_call_to_the_next_layer", "/home/dev/app/src/layers.cpp", 40})));
  const auto outer = builder.recording.stacks[shared].frames;
  for (std::size_t i = 0; i < leaks; ++i) {
    std::vector<test::FrameText> own;
    for (std::size_t j = 0; j < frames - std::min(frames, outer.size()); ++j)
      own.push_back({"application::module" + std::to_string(i) + "::function_number_" + std::to_string(j),
                     "/home/dev/app/src/module" + std::to_string(i % 500) + ".cpp",
                     static_cast<std::uint32_t>(10 + j)});
    const auto stack = builder.stack(own);
    auto& row = builder.recording.stacks[stack].frames;
    row.insert(row.end(), outer.begin(), outer.end());
    builder.leak(static_cast<std::uint32_t>(i % 1000), stack, 16 + i % 4096, 1 + i % 3);
  }
  return builder.recording;
}

/// Bytes of the report, which goes nowhere: as to a file, it is never in memory as a whole.
std::size_t written(const model::Verdict& verdict, report::Format format) {
  std::size_t bytes = 0;
  report::write(verdict, format, [&](std::string_view piece) { bytes += piece.size(); });
  return bytes;
}

double since(Clock::time_point start) {
  return Clock::now() - start;
}

/// A file with the recording, made in a child process: what that takes is not what the reports take.
std::string make_file(std::size_t leaks, std::size_t frames) {
  std::string path = "/tmp/reports_bench.XXXXXX";
  const int file = ::mkstemp(path.data());
  if (file < 0) return {};
  ::close(file);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(model::write_recording(make(leaks, frames), path) ? 0 : 1);
  int status = 0;
  const bool made = child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
  return made ? path : std::string();
}

/// One report after the other.
int run_each(const std::string& path, std::size_t leaks, std::size_t frames) {
  const auto start = Clock::now();
  auto begin = start;
  const auto step = [&](const char* name, std::size_t bytes) {
    std::printf("%-10s %8.0f ms %12zu bytes, peak %ld MiB\n", name, since(begin), bytes, peak_mib());
    begin = Clock::now();
  };
  auto recording = model::read_recording(path);
  if (!recording) return std::printf("%s\n", recording.error().message.c_str()), 1;
  step("parse", recording->blocks.size());
  const auto verdict = judge::judge(std::move(*recording), {});
  step("judge", verdict.leaks.size());
  using report::Format;
  for (const auto& [name, format] : {std::pair{"console", Format::console},
                                     {"json", Format::json},
                                     {"junit", Format::junit},
                                     {"sarif", Format::sarif}})
    step(name, written(verdict, format));
  std::printf("the four above: %.1f s\n", since(start) / 1e3);
  for (const auto& name : report::format_names())
    if (name != "console" && name != "json" && name != "junit" && name != "sarif")
      step(name.c_str(), written(verdict, *report::format_from_name(name)));
  std::printf("%zu leaks of %zu frames: %.1f s of processor time, %ld MiB at the peak\n", leaks, frames,
              since(start) / 1e3, peak_mib());
  return 0;
}

/// Everything as a user has it, on the wall.
int run_all(const std::string& path, std::size_t leaks) {
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  auto recording = model::read_recording(path);
  if (!recording) return 1;
  const auto verdict = judge::judge(std::move(*recording), {});
  const double judged = seconds();
  std::vector<report::ReportFile> files;
  for (const auto& name : report::format_names())
    files.push_back({*report::format_from_name(name), path + "." + name});
  const auto written = report::write_reports(verdict, files);
  const double all = seconds();
  for (const auto& file : files)
    std::remove(file.path.c_str());
  std::printf(
      "%zu leaks, %zu reports to files: %.1f s on the wall (judged after %.1f s), %ld MiB at the peak\n",
      leaks, files.size(), all, judged, peak_mib());
  return written ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const std::size_t leaks = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 100000;
  const std::size_t frames = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 24;
  const std::string path = make_file(leaks, frames);
  int status = 1;
  for (const bool all : {false, true}) {  // each in a process of its own: peaks must not add up
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) {
      const int failed = all ? run_all(path, leaks) : run_each(path, leaks, frames);
      std::fflush(stdout);
      ::_exit(failed);
    }
    if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) break;
  }
  std::remove(path.c_str());
  return status == 0 ? 0 : 1;
}
