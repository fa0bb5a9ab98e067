// SPDX-License-Identifier: Apache-2.0
// golden_reports [--approve] FOLDER...: judges FOLDER/recording.lgrec, renders every report and compares it
// with the approved one beside it. With --approve the approved ones are rewritten instead. Exit status 1 when
// something differs.
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/atomic_file.h"
#include "harness/judge/judge.h"
#include "harness/model/recording_file.h"
#include "harness/report/report.h"

namespace {

using namespace leakgate;

std::vector<std::pair<std::string, std::string>> render_all(const model::Verdict& verdict) {
  report::ConsoleStyle verbose;
  verbose.verbose = true;
  report::ConsoleStyle colour;
  colour.colour = true;
  std::vector<std::pair<std::string, std::string>> reports = {
      {"console.txt", report::render_console(verdict)},
      {"console-verbose.txt", report::render_console(verdict, verbose)},
      {"console-colour.txt", report::render_console(verdict, colour)},
      {"report.json", report::render_json(verdict)},
      {"report.xml", report::render_junit(verdict)},
      {"report.sarif", report::render_sarif(verdict)}};
  for (const auto& name : report::format_names())
    if (name != "console" && name != "json" && name != "junit" && name != "sarif" && name != "html")
      reports.emplace_back("report-" + name + ".txt",
                           report::render(verdict, *report::format_from_name(name)));
  return reports;
}

/// The first line in which the texts differ, for a message that helps.
void show_difference(const std::string& path, std::string_view approved, std::string_view now) {
  std::size_t line = 1, at = 0;
  while (at < approved.size() && at < now.size() && approved[at] == now[at])
    line += approved[at++] == '\n' ? 1 : 0;
  const auto rest = [&](std::string_view text) {
    const auto begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    return std::string(text.substr(begin, text.find('\n', at) - begin));
  };
  std::printf("%s:%zu differs\n  approved: %s\n  now:      %s\n", path.c_str(), line, rest(approved).c_str(),
              rest(now).c_str());
}

int check(const std::string& folder, bool approve) {
  auto recording = model::read_recording(folder + "/recording.lgrec");
  if (!recording) return std::printf("%s\n", recording.error().message.c_str()), 1;
  int differences = 0;
  for (const auto& [name, text] : render_all(judge::judge(*recording, {}))) {
    const std::string path = folder + "/" + name;
    if (approve) {
      if (const auto written = write_whole(path, text); !written)
        return std::printf("%s\n", written.error().message.c_str()), 1;
      continue;
    }
    const auto approved = read_whole(path, 64u << 20);
    if (approved && *approved == text) continue;
    ++differences;
    show_difference(path, approved ? *approved : std::string("(no such file)"), text);
  }
  return differences;
}

}  // namespace

int main(int count, char** arguments) {
  bool approve = false;
  int differences = 0, folders = 0;
  for (int i = 1; i < count; ++i) {
    if (std::string_view(arguments[i]) == "--approve") {
      approve = true;
      continue;
    }
    ++folders;
    differences += check(arguments[i], approve);
  }
  if (folders == 0) return std::puts("usage: golden_reports [--approve] FOLDER..."), 2;
  if (differences > 0)
    std::puts("if the change is meant: tests/golden/approve BUILD_FOLDER, and review the difference in git");
  return differences > 0 ? 1 : 0;
}
