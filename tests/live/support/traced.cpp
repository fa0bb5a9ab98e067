// SPDX-License-Identifier: Apache-2.0
// Runs of leakgate under test. See traced.h.
#include "tests/live/support/traced.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <sstream>

namespace leakgate::live {
namespace {

using nlohmann::json;

/// Asks doctor once per process, unless the fixture test of CTest has asked already.
bool tracing_works() {
  static const bool works = [] {
    if (const char* told = std::getenv("LEAKGATE_DOCTOR_STATUS"); told && std::filesystem::exists(told))
      return read_file(told) == "0\n";
    const Scratch scratch;
    return run_program(scratch, {.argv = {leakgate_path(), "doctor"}}).status() == 0;
  }();
  return works;
}

/// 0 for the command, 1 for what it started, and so on.
std::map<std::uint64_t, int> process_depths(const json& result) {
  std::map<std::uint64_t, std::uint64_t> parents;
  for (const json& process : result["processes"])
    parents.emplace(process["pid"].get<std::uint64_t>(), process["parent"].get<std::uint64_t>());
  std::map<std::uint64_t, int> depths;
  for (const auto& [pid, parent] : parents) {
    int depth = 0;
    // Bounded: a result that names a process its own ancestor must not hang the test.
    for (auto up = parents.find(parent); up != parents.end() && depth < 100; up = parents.find(up->second))
      ++depth;
    depths[pid] = depth;
  }
  return depths;
}

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool starts_a_thread(const std::string& function) {
  static constexpr std::array<std::string_view, 4> kStarts = {"_start", "clone3", "__clone3", "clone"};
  return std::find(kStarts.begin(), kStarts.end(), function) != kStarts.end();
}

}  // namespace

std::string leakgate_path() {
  return LEAKGATE_BINARY;
}

std::string program_path(std::string_view name) {
  return std::string(LEAKGATE_LIVE_PROGRAMS) + "/" + std::string(name);
}

std::string program_source(std::string_view file) {
  return std::string(LEAKGATE_SOURCE_DIR) + "/tests/live/programs/" + std::string(file);
}

void Live::SetUp() {
  // the preload backend works everywhere
  if (const char* backend = std::getenv("LEAKGATE_BACKEND");
      backend && std::string_view(backend) == "preload")
    return;
  if (tracing_works()) return;
  const char* required = std::getenv("LEAKGATE_REQUIRE_BPF");
  if (required && std::string_view(required) == "1") FAIL() << "leakgate doctor: tracing does not work here";
  GTEST_SKIP() << "leakgate doctor: tracing does not work here";
}

namespace {

bool g_unclassified = false;

}  // namespace

bool trace_unclassified() {
  return g_unclassified = true;
}

std::vector<std::string> leakgate_arguments(const TraceRequest& request, const std::filesystem::path& json) {
  std::vector<std::string> argv = {leakgate_path(), "run", "--json", json};
  const auto& options = request.options;
  if (g_unclassified && std::find(options.begin(), options.end(), kUnclassified[0]) == options.end())
    argv.insert(argv.end(), kUnclassified.begin(), kUnclassified.end());
  argv.insert(argv.end(), request.options.begin(), request.options.end());
  argv.emplace_back("--");
  argv.insert(argv.end(), request.command.begin(), request.command.end());
  return argv;
}

Traced trace(const Scratch& scratch, const TraceRequest& request) {
  const auto path = scratch / "result.json";
  std::filesystem::remove(path);
  ProgramRequest process = request.process;
  process.argv = leakgate_arguments(request, path);
  Traced traced;
  traced.program = run_program(scratch, process);
  traced.result = json::parse(read_file(path), nullptr, false);
  if (traced.result.is_discarded()) traced.result = nullptr;
  return traced;
}

Traced trace_program(const Scratch& scratch, std::string_view name, std::vector<std::string> arguments,
                     std::vector<std::string> options) {
  arguments.insert(arguments.begin(), program_path(name));
  return trace(scratch, {std::move(arguments), std::move(options), {}});
}

void expect_whole(const Traced& traced) {
  ASSERT_TRUE(traced.result.is_object()) << "no result was written; leakgate said:\n" << traced.program.err;
  const json& result = traced.result;
  EXPECT_TRUE(result["run"]["complete"].get<bool>()) << result["run"]["incomplete_reasons"].dump(2);
  for (const auto& [cause, count] : result["tracer"]["lost"].items())
    EXPECT_EQ(count, 0) << "lost events: " << cause;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  for (const json& leak : result["leaks"]) {
    for (const json& frame : leak["stack"])
      EXPECT_TRUE(frame["module"].is_string()) << "a frame of no known module: " << leak.dump(1);
    if (leak["verdict"] != "fail") continue;
    blocks += leak["blocks"].get<std::uint64_t>();
    bytes += leak["bytes"].get<std::uint64_t>();
    const json& stack = leak["stack"];
    EXPECT_TRUE(!stack.empty() && starts_a_thread(text_of(stack.back()["function"])))
        << "this stack ends too early: " << leak.dump(1);
  }
  EXPECT_EQ(result["summary"]["leaked_blocks"], blocks);
  EXPECT_EQ(result["summary"]["leaked_bytes"], bytes);
  EXPECT_EQ(result["summary"]["verdict"], blocks == 0 ? "pass" : "fail");
}

std::uint64_t line_of(std::string_view file, std::string_view text) {
  std::istringstream source(read_file(program_source(file)));
  std::uint64_t found = 0;
  std::uint64_t number = 0;
  for (std::string line; std::getline(source, line);) {
    ++number;
    if (line.find(text) == std::string::npos || line.starts_with("//")) continue;
    EXPECT_EQ(found, 0u) << "\"" << text << "\" stands on several lines of " << file;
    found = number;
  }
  EXPECT_NE(found, 0u) << "\"" << text << "\" stands on no line of " << file;
  return found;
}

std::string row(int process, std::string_view test, std::string_view file, std::string_view line_text,
                std::uint64_t blocks, std::uint64_t bytes) {
  std::ostringstream out;
  out << process << ' ' << test << ' ' << file << ':' << line_of(file, line_text) << ' ' << blocks << '/'
      << bytes;
  return out.str();
}

json site_of(const json& leak) {
  for (const json& frame : leak["stack"])
    if (text_of(frame["file"]).starts_with(LEAKGATE_SOURCE_DIR "/")) return frame;
  return nullptr;
}

std::vector<std::string> leak_rows(const Traced& traced, std::string_view verdict) {
  std::vector<std::string> rows;
  if (!traced.result.is_object()) return rows;
  const auto depths = process_depths(traced.result);
  for (const json& leak : traced.result["leaks"]) {
    if (leak["verdict"] != verdict) continue;
    const json site = site_of(leak);
    std::ostringstream out;
    out << depths.at(leak["process"].get<std::uint64_t>()) << ' ' << text_of(leak["test"]) << ' ';
    if (site.is_null()) {
      out << "?";
    } else {
      out << std::filesystem::path(text_of(site["file"])).filename().string() << ':' << site["line"];
    }
    out << ' ' << leak["blocks"] << '/' << leak["bytes"];
    rows.push_back(out.str());
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

json test_row(const Traced& traced, std::string_view id) {
  json found;
  if (!traced.result.is_object()) return found;
  const auto depths = process_depths(traced.result);
  int count = 0;
  for (const json& test : traced.result["tests"]) {
    if (test["id"] != id || depths.at(test["process"].get<std::uint64_t>()) != 0) continue;
    found = test;
    ++count;
  }
  EXPECT_EQ(count, 1) << "rows of test " << id;
  return found;
}

std::vector<std::string> test_outcomes(const Traced& traced) {
  std::vector<std::string> rows;
  if (!traced.result.is_object()) return rows;
  for (const json& test : traced.result["tests"]) {
    const std::string id = text_of(test["id"]);
    if (id == "(outside tests)") continue;
    rows.push_back(id + " " + text_of(test["outcome"]) + " " + text_of(test["verdict"]));
  }
  return rows;
}

}  // namespace leakgate::live
