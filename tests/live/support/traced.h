// SPDX-License-Identifier: Apache-2.0
// A run of the real leakgate, and what its JSON result says, in the short words that tests compare: one line
// of text per leak. What every complete run has to fulfil is checked here, once.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/live/support/program.h"

namespace leakgate::live {

/// Paths that the build knows.
std::string leakgate_path();
std::string program_path(std::string_view name);    ///< of a target beside the live test programs
std::string program_source(std::string_view file);  ///< of a file in tests/live/programs

/// Skips a test where `leakgate doctor` says that tracing does not work; with LEAKGATE_REQUIRE_BPF=1 fails it
/// instead. Gives each test a scratch directory.
class Live : public testing::Test {
 protected:
  void SetUp() override;
  Scratch scratch_;
};

struct Traced {
  ProgramResult program;  ///< leakgate's own output and status
  nlohmann::json result;  ///< leakgate-result/1; null when none was written
};

/// Options of leakgate's (after `run --json FILE`), then of the process.
struct TraceRequest {
  std::vector<std::string> command = {};
  std::vector<std::string> options = {};
  ProgramRequest process = {};  ///< argv is filled in
};

/// See kUnclassified: from here on traces of this test program are made so where a request does not say
/// otherwise. Returns true.
bool trace_unclassified();

/// Nothing is classified, so every outstanding block fails: for tests of what the tracer sees.
inline const std::vector<std::string> kUnclassified = {"--judged-moments", "none"};

/// The argument list of leakgate for a request, with the JSON result going to `json`.
std::vector<std::string> leakgate_arguments(const TraceRequest& request, const std::filesystem::path& json);

Traced trace(const Scratch& scratch, const TraceRequest& request);
/// A program of tests/live/programs with arguments.
Traced trace_program(const Scratch& scratch, std::string_view name, std::vector<std::string> arguments = {},
                     std::vector<std::string> options = {});

/// The result says: complete, nothing lost, and its own sums are right; the module of every frame is known,
/// and each failing leak's stack reaches the start of its thread.
void expect_whole(const Traced& traced);

/// The number of the only line of `file` (in tests/live/programs) that contains `text`; 0 and a failure if
/// there is not exactly one.
std::uint64_t line_of(std::string_view file, std::string_view text);

/// "PROCESS TEST FILE:LINE BLOCKS/BYTES"; PROCESS is 0 for the command, 1 for what it started, 2 for what
/// that started. The site is the innermost frame with a source file of this project.
std::string row(int process, std::string_view test, std::string_view file, std::string_view line_text,
                std::uint64_t blocks, std::uint64_t bytes);
/// Such a row for each leak with this verdict, sorted.
std::vector<std::string> leak_rows(const Traced& traced, std::string_view verdict = "fail");

/// The site frame of a leak (an object of the result), or null.
nlohmann::json site_of(const nlohmann::json& leak);

/// The only test row with this id (in the command's own process), or null and a failure.
nlohmann::json test_row(const Traced& traced, std::string_view id);
/// "ID OUTCOME VERDICT" of every test but "(outside tests)", in the result's order.
std::vector<std::string> test_outcomes(const Traced& traced);

}  // namespace leakgate::live
