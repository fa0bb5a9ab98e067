// SPDX-License-Identifier: Apache-2.0
// Text of a ctest file; see ctest_file.h.
#include "harness/cli/ctest_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/base/text.h"
#include "harness/judge/fnv128.h"
#include "harness/model/names.h"
#include "harness/model/test_filter.h"

namespace leakgate::cli {
namespace {

using Properties = std::vector<std::pair<std::string, std::string>>;

/// Properties that say how a program is run: they belong to the run, not to the rows that read what it found.
bool is_of_run(const std::string& property) {
  constexpr std::array<std::string_view, 14> kOfRun{"ENVIRONMENT",       "ENVIRONMENT_MODIFICATION",
                                                    "TIMEOUT",           "TIMEOUT_AFTER_MATCH",
                                                    "WORKING_DIRECTORY", "RESOURCE_LOCK",
                                                    "RESOURCE_GROUPS",   "RUN_SERIAL",
                                                    "PROCESSORS",        "PROCESSOR_AFFINITY",
                                                    "REQUIRED_FILES",    "FIXTURES_REQUIRED",
                                                    "DEPENDS",           "COST"};
  return std::find(kOfRun.begin(), kOfRun.end(), property) != kOfRun.end();
}

bool is_of_both(const std::string& property) {
  return property == "DISABLED";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words)
    (text += text.empty() ? "" : ";") += word;
  return text;
}

std::string add_test(const std::string& name, const std::vector<std::string>& command,
                     const Properties& properties) {
  std::string text = "add_test(" + cmake_argument(name);
  for (const auto& word : command)
    text += " " + cmake_argument(word);
  text += ")\nset_tests_properties(" + cmake_argument(name) + " PROPERTIES";
  for (const auto& [key, value] : properties)
    text += " " + cmake_argument(key) + " " + cmake_argument(value);
  return text + ")\n";
}

/// A file name of an id: what is readable of it, and a number that tells it from others.
std::string file_name_of(const std::string& id, std::size_t number) {
  std::string name;
  for (const char c : id.substr(0, 60))
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return fmt::format("{}.{}", name, number);
}

class CtestFile {
 public:
  CtestFile(const RowsRequest& request, const TestList& list)
      : request_(request), list_(list), run_name_("leakcheck." + request.target) {
    judge::Fnv128 hash;
    hash.add(rows_file());
    fixture_ = "leakcheck." + hash.hex();
    if (!request.prefix.empty() || !request.suffix.empty())
      run_name_ += "." + request.prefix + request.suffix;
    while (run_name_.ends_with('.'))
      run_name_.pop_back();
    std::vector<std::string> labels{"leakcheck"};
    labels.insert(labels.end(), request.labels.begin(), request.labels.end());
    labels_ = joined(labels);
  }

  std::string format() {
    std::string text = "# written by leakgate when the test program was built\n";
    if (!request_.per_test) text += traced_run();
    for (std::size_t i = 0; i < list_.tests.size(); ++i)
      text += request_.per_test ? traced_row(list_.tests[i], i) : reading_row(list_.tests[i]);
    if (!request_.per_test) text += row_of_others();
    text += "set(" + cmake_argument(request_.list_variable);
    for (const auto& name : names_)
      text += " " + cmake_argument(name);
    return text + ")\n";
  }

 private:
  std::string row_name(const std::string& id) {
    names_.push_back("leakcheck." + request_.target + "." + request_.prefix + printable(id) +
                     request_.suffix);
    return names_.back();
  }

  std::string rows_file() const { return request_.folder + "/rows"; }

  [[nodiscard]] std::vector<std::string> traced(const std::vector<std::string>& options,
                                                const std::string& report_name,
                                                const std::vector<std::string>& arguments) const {
    std::vector<std::string> command = request_.launcher;
    command.insert(command.end(), {request_.leakgate, "run"});
    command.insert(command.end(), options.begin(), options.end());
    if (!request_.junit_folder.empty())
      command.push_back("--junit=" + request_.junit_folder + "/" + report_name + ".xml");
    if (!request_.sarif_folder.empty())
      command.push_back("--sarif=" + request_.sarif_folder + "/" + report_name + ".sarif");
    if (request_.may_skip) command.emplace_back("--if-unsupported=skip");
    command.insert(command.end(), request_.run_options.begin(), request_.run_options.end());
    command.insert(command.end(), {"--", request_.program.program});
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
  }

  /// Properties of a test that is, or is not, the run itself.
  [[nodiscard]] Properties properties(bool runs, bool reads) const {
    Properties all{{"LABELS", labels_}};
    if (runs && !request_.program.working_directory.empty())
      all.emplace_back("WORKING_DIRECTORY", request_.program.working_directory);
    if (request_.may_skip) all.emplace_back("SKIP_RETURN_CODE", "77");
    for (const auto& property : request_.properties)
      if ((runs && reads) || is_of_both(property.first) || is_of_run(property.first) == runs)
        all.push_back(property);
    return all;
  }

  std::string traced_run() {
    auto of_run = properties(true, false);
    of_run.emplace_back("FIXTURES_SETUP", fixture_);
    const auto command = traced({"--exit-status=none", "--recording=" + request_.folder + "/run.lgrec",
                                 "--report=ctest-rows=" + rows_file()},
                                request_.report_name, request_.program.arguments);
    return add_test(run_name_, command, of_run);
  }

  Properties reading_properties() const {
    auto of_row = properties(false, true);
    of_row.emplace_back("FIXTURES_REQUIRED", fixture_);
    return of_row;
  }

  std::vector<std::string> reading(const std::string& what) const {
    std::vector<std::string> command{request_.leakgate, "ctest-row", "--rows=" + rows_file(),
                                     "--run=" + run_name_, what};
    if (request_.may_skip) command.emplace_back("--skip=yes");
    return command;
  }

  std::string reading_row(const attribute::ListedTest& test) {
    auto of_row = reading_properties();
    if (test.disabled && !runs_disabled()) of_row.emplace_back("DISABLED", "TRUE");
    return add_test(row_name(test.id), reading("--test=" + test.id), of_row);
  }

  std::string row_of_others() {
    return add_test(row_name(std::string(model::kOutsideTests)),
                    reading("--others=" + request_.folder + "/ids"), reading_properties());
  }

  std::string traced_row(const attribute::ListedTest& test, std::size_t number) {
    std::vector<std::string> options{"--exit-status=gate"};
    // the framework's filter may select others too, whose leaks are not this row's
    if (list_.windows_seen)
      options.insert(options.end(), {"--expect-test=" + test.id, "--only-expected-tests"});
    std::vector<std::string> arguments{model::only_test_argument(list_.framework, test.id)};
    const auto& own = request_.program.arguments;
    arguments.insert(arguments.end(), own.begin(), own.end());
    auto of_row = properties(true, true);
    if (test.disabled && !runs_disabled()) of_row.emplace_back("DISABLED", "TRUE");
    return add_test(row_name(test.id),
                    traced(options, request_.report_name + "." + file_name_of(test.id, number), arguments),
                    of_row);
  }

  [[nodiscard]] bool runs_disabled() const {
    const auto& own = request_.program.arguments;
    return std::find(own.begin(), own.end(), "--gtest_also_run_disabled_tests") != own.end();
  }

  const RowsRequest& request_;
  const TestList& list_;
  std::string run_name_, labels_;
  std::string fixture_;  ///< a name that is no list and meets no other
  std::vector<std::string> names_;
};

}  // namespace

std::string cmake_argument(const std::string& text) {
  std::string bar;
  while ((text + "]").find("]" + bar + "]") != std::string::npos)
    bar += '=';
  // a line end right behind the bracket would be dropped
  return "[" + bar + "[" + (text.starts_with('\n') ? "\n" : "") + text + "]" + bar + "]";
}

std::string format_ctest_file(const RowsRequest& request, const TestList& list) {
  return CtestFile(request, list).format();
}

}  // namespace leakgate::cli
