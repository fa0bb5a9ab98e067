// SPDX-License-Identifier: Apache-2.0
// What must hold before recordings are added up; see merge.h. The likely mistakes: a pattern that matches a
// file twice, files left over from another build, a job whose artifact did not arrive.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/judge/merge.h"

namespace leakgate::judge {
namespace {

using model::Recording;

Error refuse(std::string message, std::string hint) {
  return Error{ErrorKind::usage, std::move(message), std::move(hint)};
}

/// Options that only choose which tests of a suite run; with a value of their own behind them or not.
bool chooses_tests(std::string_view word, bool& has_value) {
  for (const std::string_view option :
       {"-I", "--tests-information", "--shard-index", "--shard-count", "-R", "-E", "-L", "-LE",
        "--gtest_filter", "--test-case", "--output-on-failure"}) {
    if (word == option) return has_value = option != "--output-on-failure", true;
    if (word.starts_with(option) && option.starts_with("--") && word.substr(option.size()).starts_with('='))
      return has_value = false, true;
  }
  return has_value = false, word.starts_with("-I") || word.starts_with("--gtest_output");
}

/// The command as far as all parts of a suite share it: the program's file name, and the arguments that do
/// not choose tests.
std::vector<std::string> shared_command(const std::vector<std::string>& command) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < command.size(); ++i) {
    bool has_value = false;
    if (i > 0 && chooses_tests(command[i], has_value)) {
      i += has_value ? 1 : 0;
      continue;
    }
    words.push_back(i == 0 ? std::string(base_name(command[i])) : command[i]);
  }
  return words;
}

/// Build ids of the programs that were judged, by file name.
std::map<std::string, std::string> builds(const Recording& recording) {
  std::set<std::string_view> programs;
  for (const auto& process : recording.processes)
    if (process.role == model::ProcessRole::judged) programs.insert(process.exe);
  std::map<std::string, std::string> result;
  for (const auto& module : recording.modules)
    if (!module.build_id.empty() && programs.count(module.path) != 0)
      result.emplace(base_name(module.path), module.build_id);
  return result;
}

Status check_pair(const Recording& first, const Recording& other, const std::string& names, MergeRule rule) {
  if (first.tool_version != other.tool_version)
    return refuse(
        fmt::format("{} were recorded by leakgate {} and {}", names,
                    printable(shorten(first.tool_version, 20)), printable(shorten(other.tool_version, 20))),
        "record all parts with one version");
  if (rule == MergeRule::any) return {};
  if (shared_command(first.run.command) != shared_command(other.run.command))
    return refuse(
        fmt::format("{} are of different commands", names),
        "give the parts of one suite, or --merge any where different suites are meant to be one verdict");
  const auto known = builds(first);
  for (const auto& [program, build_id] : builds(other)) {
    const auto same = known.find(program);
    if (same != known.end() && same->second != build_id)
      return refuse(fmt::format("{} are of different builds of {}", names, printable(shorten(program, 60))),
                    "record all parts with one build, or give --merge any");
  }
  return {};
}

/// Parts 0 to total-1, each once; recordings that do not know their part are let be where all do not.
Status check_shards(const std::vector<Recording>& recordings, const std::vector<std::string>& names) {
  std::map<std::uint32_t, std::size_t> seen;
  std::uint32_t total = 0;
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    const auto& shard = recordings[i].run.shard;
    if (shard.has_value() != recordings[0].run.shard.has_value())
      return refuse(
          fmt::format("{} is a part of a suite and {} is not", names[shard ? i : 0], names[shard ? 0 : i]),
          "give the recordings of all parts and nothing else, or --merge any");
    if (!shard) continue;
    if (i > 0 && shard->total != total)
      return refuse(
          fmt::format("{} is one of {} parts, {} is one of {}", names[0], total, names[i], shard->total),
          "give the recordings of one sharded run, or --merge any");
    total = shard->total;
    const auto [other, fresh] = seen.emplace(shard->index, i);
    if (!fresh)
      return refuse(fmt::format("{} and {} are both part {} of {}", names[other->second], names[i],
                                shard->index + 1, total),
                    "give each part once, or --merge any");
  }
  if (seen.size() == total) return {};
  std::uint32_t missing = 0;
  while (seen.count(missing) != 0)
    ++missing;
  return refuse(
      fmt::format("part {} of {} is missing{}", missing + 1, total,
                  total - seen.size() > 1 ? fmt::format(" (and {} more)", total - seen.size() - 1) : ""),
      "see whether that job ended and its recording arrived; --merge any judges what is there");
}

}  // namespace

Status check_parts(const std::vector<Recording>& recordings, const std::vector<std::string>& names,
                   MergeRule rule, std::size_t expected) {
  if (expected != 0 && recordings.size() != expected)
    return refuse(fmt::format("{} given, {} expected", counted(recordings.size(), "recording"), expected),
                  "see whether every job ended and its recording arrived");
  for (std::size_t i = 1; i < recordings.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (recordings[i].run == recordings[j].run && recordings[i] == recordings[j])
        return refuse(fmt::format("{} and {} are the same recording", names[j], names[i]),
                      "give each recording once: its leaks would count twice");
  for (std::size_t i = 1; i < recordings.size(); ++i)
    if (auto fits =
            check_pair(recordings[0], recordings[i], fmt::format("{} and {}", names[0], names[i]), rule);
        !fits)
      return fits;
  // one job may look at its own part
  const bool counted = rule == MergeRule::whole || (rule == MergeRule::parts && recordings.size() > 1);
  return counted ? check_shards(recordings, names) : Status();
}

}  // namespace leakgate::judge
