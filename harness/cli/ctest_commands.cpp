// SPDX-License-Identifier: Apache-2.0
// The two commands behind the rows of ctest; see ctest_commands.h. Options are of the form --name=value
// alone, because only a CMake module writes them.
#include "harness/cli/ctest_commands.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <set>

#include "harness/base/atomic_file.h"
#include "harness/cli/cli.h"
#include "harness/cli/console.h"
#include "harness/cli/ctest_file.h"
#include "harness/cli/exit_status.h"
#include "harness/model/names.h"
#include "harness/model/test_filter.h"
#include "harness/report/ctest_rows.h"

namespace leakgate::cli {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;

/// The options of such a command, and what stands behind "--".
struct Words {
  std::multimap<std::string, std::string, std::less<>> values;
  std::vector<std::string> program;

  [[nodiscard]] std::string one(std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? "" : found->second;
  }
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const {
    std::vector<std::string> found;
    for (auto [it, end] = values.equal_range(name); it != end; ++it)
      found.push_back(it->second);
    return found;
  }
};

Error wrong(std::string message) {
  return Error{ErrorKind::usage, std::move(message),
               "this command is for the CMake module of the same version of leakgate", 0};
}

Result<Words> parse_words(const std::vector<std::string>& arguments,
                          const std::set<std::string_view>& known) {
  Words words;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i] == "--") {
      words.program.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
      break;
    }
    const auto equals = arguments[i].find('=');
    if (!arguments[i].starts_with("--") || equals == std::string::npos)
      return wrong(fmt::format("{} takes --name=value, not '{}'", arguments[0], arguments[i]));
    const std::string name = arguments[i].substr(2, equals - 2);
    if (known.count(name) == 0) return wrong(fmt::format("{} knows no --{}", arguments[0], name));
    words.values.emplace(name, arguments[i].substr(equals + 1));
  }
  return words;
}

std::optional<model::Framework> framework_named(const std::string& name) {
  return name.empty() || name == "auto" ? std::nullopt : model::from_name<model::Framework>(name);
}

/// A property is NAME=VALUE; labels are gathered, because rows have one of their own.
Status take_properties(const Words& words, RowsRequest& request) {
  for (const auto& text : words.all("property")) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return wrong(fmt::format("'{}' is no property", text));
    const std::string name = text.substr(0, equals), value = text.substr(equals + 1);
    if (name == "LABELS")
      request.labels.push_back(value);
    else
      request.properties.emplace_back(name, value);
  }
  return {};
}

Result<RowsRequest> rows_request(const Words& words) {
  RowsRequest request;
  request.target = words.one("target");
  request.folder = words.one("folder");
  if (request.target.empty() || !request.folder.starts_with('/') || words.program.empty())
    return wrong("ctest-rows needs a target, a folder and a program");
  std::error_code error;
  request.leakgate = std::filesystem::read_symlink("/proc/self/exe", error).string();
  request.prefix = words.one("prefix");
  request.suffix = words.one("suffix");
  request.list_variable = words.one("list");
  request.junit_folder = words.one("junit-folder");
  request.sarif_folder = words.one("sarif-folder");
  request.report_name = words.one("report-name");
  request.launcher = words.all("launcher");
  request.run_options = words.all("run-option");
  request.labels = words.all("label");
  request.per_test = words.one("mode") == "per_test";
  request.may_skip = std::any_of(request.run_options.begin(), request.run_options.end(),
                                 [](const std::string& option) { return option == "--if-unsupported=skip"; });
  std::erase(request.run_options, "--if-unsupported=skip");
  if (auto taken = take_properties(words, request); !taken) return std::move(taken).error();
  auto& program = request.program;
  program.program = words.program.front();
  program.arguments.assign(words.program.begin() + 1, words.program.end());
  program.working_directory = words.one("working-directory");
  // what a filter should have left is missed; in one run the row of others tells of tests that are not listed
  program.may_be_empty = !request.per_test && program.arguments.empty() && words.one("filter").empty();
  const std::string name = words.one("framework");
  program.framework = framework_named(name);
  if (!name.empty() && name != "auto" && (!program.framework || *program.framework == model::Framework::none))
    return wrong(fmt::format("FRAMEWORK '{}' is not known: gtest, catch2, doctest and boost_test are", name));
  int seconds = 5;
  const std::string timeout = words.one("timeout");
  const auto [end, problem] = std::from_chars(timeout.data(), timeout.data() + timeout.size(), seconds);
  if (!timeout.empty() && (problem != std::errc() || end != timeout.data() + timeout.size()))
    return wrong(fmt::format("DISCOVERY_TIMEOUT wants a number of seconds, not '{}'", timeout));
  program.timeout = std::chrono::seconds(seconds);
  return request;
}

/// The user's filter, in front of the program's other arguments.
Status add_filter(const Words& words, RowsRequest& request, model::Framework framework) {
  const std::string filter = words.one("filter");
  if (filter.empty()) return {};
  if (framework == model::Framework::boost_test)
    return wrong(
        "a Boost.Test program lists all its tests whatever the filter, so TEST_FILTER cannot be used");
  const std::string argument = model::filter_argument(framework, filter);
  request.program.arguments.insert(request.program.arguments.begin(), argument);
  return {};
}

Status write_rows(const std::vector<std::string>& arguments) {
  auto words = parse_words(arguments, {"target", "folder", "mode", "framework", "filter", "prefix", "suffix",
                                       "list", "junit-folder", "sarif-folder", "report-name", "launcher",
                                       "run-option", "label", "property", "timeout", "working-directory"});
  if (!words) return std::move(words).error();
  auto request = rows_request(*words);
  if (!request) return std::move(request).error();
  if (!request->program.framework) {
    auto framework = find_framework(request->program.program);
    if (!framework) return std::move(framework).error();
    if (*framework != model::Framework::none) request->program.framework = *framework;
  }
  if (auto added = add_filter(*words, *request, request->program.framework.value_or(model::Framework::none));
      !added)
    return added;
  auto list = list_tests(request->program);
  if (!list) return std::move(list).error();
  if (!request->per_test && !list->windows_seen)
    return Error{ErrorKind::usage,
                 fmt::format("the tests of {} cannot be told apart in one run: it is stripped",
                             request->program.program),
                 "MODE per_test runs each in a process of its own", 0};
  std::error_code error;
  for (const auto& folder : {request->folder, request->junit_folder, request->sarif_folder})
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
  std::string ids;
  for (const auto& test : list->tests)
    (ids += test.id) += '\n';
  if (auto written = write_whole(request->folder + "/ids", ids); !written) return written;
  return write_whole(request->folder + "/tests.cmake", format_ctest_file(*request, *list));
}

std::optional<timespec> changed(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? std::optional(status.st_mtim) : std::nullopt;
}

bool is_later(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

Result<std::vector<std::string>> read_ids(const std::string& path) {
  auto text = read_whole(path, kMaxFileBytes);
  if (!text) return std::move(text).error();
  std::vector<std::string> ids;
  for (std::size_t at = 0; at < text->size();) {
    const auto end = std::min(text->find('\n', at), text->size());
    ids.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  return ids;
}

/// The row that was asked for, or why it cannot be shown.
Result<report::CtestRow> read_row(const Words& words) {
  const std::string file = words.one("rows"), run = words.one("run");
  auto text = read_whole(file, kMaxFileBytes);
  if (!text)
    return Error{ErrorKind::not_found, fmt::format("{} has written no result", run),
                 "run it; this row reads what it found", 0};
  auto rows = report::parse_ctest_rows(*text);
  if (!rows) return std::move(rows).error();
  const auto program = changed(rows->program), written = changed(file);
  if (program && written && is_later(*program, *written))
    return Error{ErrorKind::format, fmt::format("{} was built anew since {} ran it", rows->program, run),
                 "run that again", 0};
  const std::string others = words.one("others");
  if (others.empty()) return report::row_of(*rows, words.one("test"));
  auto ids = read_ids(others);
  if (!ids) return std::move(ids).error();
  return report::row_of_others(*rows, *ids);
}

int show_row(const std::vector<std::string>& arguments) {
  auto words = parse_words(arguments, {"rows", "run", "test", "others", "skip"});
  if (!words) {
    say(words.error());
    return kCannot;
  }
  auto row = read_row(*words);
  if (row) {
    put(stdout, row->text);
    return row->status;
  }
  say(row.error());
  // the run itself has said why it was skipped
  return row.error().kind == ErrorKind::not_found && words->one("skip") == "yes" ? kSkipped : kCannot;
}

}  // namespace

std::optional<int> run_ctest_command(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return {};
  if (arguments[0] == "ctest-row") return show_row(arguments);
  if (arguments[0] != "ctest-rows") return {};
  const auto written = write_rows(arguments);
  if (written) return kPass;
  say(written.error());
  return kCannot;
}

}  // namespace leakgate::cli
