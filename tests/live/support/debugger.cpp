// SPDX-License-Identifier: Apache-2.0
// Runs gdb with gdb_stacks.py. See debugger.h.
#include "tests/live/support/debugger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace leakgate::live {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// `name` without what stands in brackets of the kind `open`.
std::string without(std::string_view name, char open, char close) {
  std::string out;
  int depth = 0;
  for (const char letter : name) {
    if (letter == open) ++depth;
    if (depth == 0) out += letter;
    if (letter == close && depth > 0) --depth;
  }
  return out;
}

/// "ns::Type<int>::method(int) const" gives "method". The two demanglers spell template arguments, lambdas
/// and anonymous namespaces differently; file, line and address tell what this leaves out.
std::string bare_name(std::string name) {
  for (const std::string_view sign : {"operator<<", "operator<", "operator->", "operator()"})
    if (name.find(sign) != std::string::npos) return "operator";
  if (name.find("operator") != std::string::npos) return "operator";
  name = without(without(without(name, '<', '>'), '(', ')'), '[', ']');
  if (const auto at = name.rfind("::"); at != std::string::npos) name.erase(0, at + 2);
  if (const auto at = name.find_first_of(" ."); at != std::string::npos) name.erase(at);
  if (name.starts_with('~')) return name;
  // the C library's internal names for one function, of which each side picks another
  while (name.starts_with('_'))
    name.erase(0, 1);
  if (name.starts_with("GI_")) name.erase(0, 3);
  while (name.starts_with('_'))
    name.erase(0, 1);
  if (name.ends_with("_impl")) name.erase(name.size() - 5);
  return name;
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

std::string shown(const ComparedFrame& frame) {
  std::ostringstream out;
  out << (frame.name.empty() ? "?" : frame.name) << " at " << frame.file << ':' << frame.line << " in "
      << frame.module << "+0x" << std::hex << frame.offset << (frame.inlined ? " inlined" : "");
  return out.str();
}

/// The source frames of one machine frame, innermost first.
using Group = std::vector<ComparedFrame>;

std::vector<Group> grouped(const std::vector<ComparedFrame>& frames) {
  std::vector<Group> groups;
  bool open = false;
  for (const ComparedFrame& frame : frames) {
    if (!open) groups.emplace_back();
    groups.back().push_back(frame);
    open = frame.inlined;
  }
  return groups;
}

bool same_frame(const ComparedFrame& ours, const ComparedFrame& theirs) {
  // where gdb knows no name or no line, we may; never the other way round
  const bool name = theirs.name.empty() || ours.name == theirs.name;
  const bool place =
      theirs.file.empty() || (file_name(ours.file) == file_name(theirs.file) && ours.line == theirs.line);
  return name && place && ours.inlined == theirs.inlined;
}

bool same_machine_frame(const Group& ours, const Group& theirs) {
  return ours.back().module == theirs.back().module && ours.back().offset == theirs.back().offset;
}

bool same_source(const Group& ours, const Group& theirs) {
  if (theirs.back().signal) return true;  // a trampoline: gdb names it after nothing
  return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(), same_frame);
}

/// Whether addr2line names the files and lines of `group` as we do.
bool confirmed(const Scratch& scratch, const Group& group) {
  std::ostringstream address;
  address << "0x" << std::hex << group.back().offset - 1;
  const auto run =
      run_program(scratch, {.argv = {LEAKGATE_ADDR2LINE, "-i", "-e", group.back().module, address.str()}});
  std::istringstream lines(run.out);
  std::vector<std::string> told;
  for (std::string line; std::getline(lines, line);) {
    line.erase(std::min(line.find(" (discriminator"), line.size()));
    if (!line.empty()) told.push_back(file_name(line));
  }
  std::vector<std::string> ours;
  for (const ComparedFrame& frame : group)
    ours.push_back(file_name(frame.file) + ":" + std::to_string(frame.line));
  return told == ours;
}

std::string shown(const Group& group) {
  std::string text;
  for (const ComparedFrame& frame : group)
    text += (text.empty() ? "" : ", ") + shown(frame);
  return text;
}

/// libstdc++.so.6 is libstdc++.so.6.0.30.
std::string real_path(const std::string& path) {
  std::error_code ignored;
  return path.starts_with('/') ? std::filesystem::weakly_canonical(path, ignored).string() : path;
}

}  // namespace

std::vector<ComparedFrame> from_result(const json& stack) {
  std::vector<ComparedFrame> frames;
  for (const json& row : stack) {
    ComparedFrame frame;
    frame.name = bare_name(text_of(row["function"]));
    frame.file = text_of(row["file"]);
    if (row["line"].is_number()) frame.line = row["line"].get<std::uint64_t>();
    frame.module = real_path(text_of(row["module"]));
    frame.offset = row["offset"].get<std::uint64_t>();
    frame.inlined = row["inlined"].get<bool>();
    frames.push_back(frame);
  }
  return frames;
}

std::map<std::uint64_t, std::vector<ComparedFrame>> debugger_stacks(const Scratch& scratch,
                                                                    const std::vector<std::string>& command) {
  const auto output = scratch / "stacks.json";
  std::vector<std::string> argv = {"/usr/bin/env",
                                   "LEAKGATE_STACKS=" + output.string(),
                                   LEAKGATE_GDB,
                                   "-nx",
                                   "-batch",
                                   "-x",
                                   LEAKGATE_SOURCE_DIR "/tests/live/support/gdb_stacks.py",
                                   "--args"};
  argv.insert(argv.end(), command.begin(), command.end());
  ProgramResult run;
  json stacks;
  // on a busy machine gdb now and then misses its own stop at the mapping of the libraries
  for (int attempt = 0; attempt < 4 && (!stacks.is_array() || stacks.empty()); ++attempt) {
    run = run_program(scratch, {.argv = argv});
    stacks = json::parse(read_file(output), nullptr, false);
  }
  std::map<std::uint64_t, std::vector<ComparedFrame>> result;
  EXPECT_TRUE(stacks.is_array()) << "gdb said: " << run.out << run.err;
  if (!stacks.is_array()) return result;
  for (const json& stack : stacks) {
    std::vector<ComparedFrame> frames;
    for (const json& row : stack["frames"]) {
      if (row["kind"] == "tail call") continue;
      ComparedFrame frame;
      frame.name = bare_name(text_of(row["function"]));
      frame.file = text_of(row["file"]);
      if (row["line"].is_number()) frame.line = row["line"].get<std::uint64_t>();
      frame.module = real_path(text_of(row["module"]));
      frame.offset = row["offset"].get<std::uint64_t>();
      frame.inlined = row["kind"] == "inlined";
      frame.signal = row["kind"] == "signal";
      frames.push_back(frame);
    }
    result[stack["bytes"].get<std::uint64_t>()] = std::move(frames);
  }
  return result;
}

std::string first_difference(const std::vector<ComparedFrame>& ours, const std::vector<ComparedFrame>& theirs,
                             std::size_t limit, const Scratch& scratch, std::size_t& refuted) {
  const auto mine = grouped(ours);
  auto wanted = grouped(theirs);
  if (limit != 0 && wanted.size() > limit) wanted.resize(limit);
  for (std::size_t i = 0; i < std::min(mine.size(), wanted.size()); ++i) {
    if (same_machine_frame(mine[i], wanted[i])) {
      if (same_source(mine[i], wanted[i])) continue;
      if (confirmed(scratch, mine[i]) && ++refuted) continue;
    }
    return "frame " + std::to_string(i) + ": ours is " + shown(mine[i]) + "; gdb's is " + shown(wanted[i]);
  }
  if (mine.size() == wanted.size()) return {};
  return std::to_string(mine.size()) + " frames, gdb has " + std::to_string(wanted.size());
}

}  // namespace leakgate::live
