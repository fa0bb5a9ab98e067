// SPDX-License-Identifier: Apache-2.0
// Sentences and parts of sentences that more than one report uses, so that all say the same thing the same
// way.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/verdict.h"
#include "harness/report/source_root.h"

namespace leakgate::report {

/// The frame a report points at; nothing if the stack is empty.
std::optional<model::VerdictFrame> site_of(const model::Leak& leak);

/// "make_node", or "offset 0x1139 in libfoo.so" where the function is unknown.
std::string frame_name(const model::VerdictFrame& frame);

/// "src/list.cpp:12", "src/list.cpp" without a line, "libfoo.so" without a file; empty if nothing is known.
std::string frame_place(const model::VerdictFrame& frame, const SourceRoot& root);

/// "48 bytes in 2 blocks"
std::string amount(std::uint64_t bytes, std::uint64_t blocks);

/// "definitely lost": a kind's words without the underscore.
std::string kind_words(model::Kind kind);

/// "48 bytes in 2 blocks unclassified, allocated by malloc at src/list.cpp:12 in make_node", and its section
std::string leak_sentence(const model::Leak& leak, const SourceRoot& root);

/// "ages: 2 under 256 ms, 1 under 2.05 s"; empty where all blocks are of about one age, or it is not known.
std::string age_sentence(const model::Leak& leak);

/// "linear growth: 5 of 5 rounds added to it, 120 bytes a round"; empty where a test ran once or nothing
/// grows.
std::string growth_sentence(const model::Leak& leak);

/// "seen in 1 of 4 runs: flaky"; empty where nothing was run again.
std::string recurrence_sentence(const model::Leak& leak);

/// "other blocks from here are freed at src/list.cpp:20 in drop_node"; empty where none was.
std::string freed_sentence(const model::Leak& leak, const SourceRoot& root);

/// "an exception was thrown, or an assertion failed, while it was held", "one block", ...; empty: no pattern.
std::string_view pattern_words(model::LeakPattern pattern);

/// What is worth telling of a failing leak beside its place: growth, recurrence, error path, where others are
/// freed; one sentence each.
std::vector<std::string> insights(const model::Leak& leak, const SourceRoot& root);

/// "fail: 5 of 10 tests leak, 480 bytes in 10 blocks": the run in one line.
std::string run_sentence(const model::Verdict& verdict);

/// The process a leak or test belongs to; nullptr if unknown.
const model::Process* process_of(const model::Verdict& verdict, const model::Test& test);

/// The file name of the program `test` ran in; "unknown" if that is not known.
std::string program_name(const model::Verdict& verdict, const model::Test& test);

}  // namespace leakgate::report
