// SPDX-License-Identifier: Apache-2.0
// See gate.h.
#include "simulator/calibrate/gate.h"

#include "simulator/truth_file.h"

namespace leakgate::simulator {
namespace {

std::string text_or_nothing(const std::string& path) {
  auto text = read_text(path);
  return text ? std::move(*text) : std::string();
}

}  // namespace

Result<ReportedResult> run_gate(const CalibrationRequest& request, const WorkDirectory& directory,
                                const std::vector<std::string>& command,
                                const std::vector<std::string>& options) {
  std::vector<std::string> words{request.leakgate, "run",      "--no-policy",
                                 "--as-root",      "--json",   directory.file("result.json"),
                                 "--output",       "/dev/null"};
  words.insert(words.end(), options.begin(), options.end());
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  const std::string said = directory.file("said");
  const auto done = run_command(words, said);
  if (!done) return done.error();
  // 23: it found leaks; 125: the trace is incomplete, and the result says so
  if (done->status != 0 && done->status != 23 && done->status != 125)
    return Error{ErrorKind::target, "the gate ended with " + std::to_string(done->status),
                 text_or_nothing(said), 0};
  const auto text = read_text(directory.file("result.json"));
  if (!text) return Error{ErrorKind::target, "the gate wrote no result", text_or_nothing(said), 0};
  return parse_result(*text);
}

}  // namespace leakgate::simulator
