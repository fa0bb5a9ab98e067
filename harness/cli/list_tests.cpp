// SPDX-License-Identifier: Apache-2.0
// Finding the framework in the program and its libraries, then asking; see list_tests.h.
#include "harness/cli/list_tests.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "harness/attribute/frameworks.h"
#include "harness/base/descriptor.h"
#include "harness/base/elf_image.h"
#include "harness/base/library_search.h"
#include "harness/base/text.h"
#include "harness/model/names.h"

namespace leakgate::cli {
namespace {

using model::Framework;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxListBytes = 64u << 20;

using Frameworks = std::vector<Framework>;

Frameworks frameworks_in(const ElfImage& image) {
  static const std::vector<std::string> names = attribute::mark_symbols();
  const std::vector<std::string_view> wanted(names.begin(), names.end());
  std::map<std::string, std::uint64_t, std::less<>> addresses;
  for (const Symbol& symbol : image.find_functions(wanted))
    addresses.emplace(symbol.name, symbol.vaddr);
  const auto lookup = [&](std::string_view name) -> std::optional<std::uint64_t> {
    const auto found = addresses.find(name);
    return found == addresses.end() ? std::nullopt : std::optional(found->second);
  };
  const auto marks = attribute::find_marks(lookup);
  Frameworks found;
  for (const auto& known : marks.frameworks)
    if (!marks.probes.empty()) found.push_back(known.framework);
  return found;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// `wanted` of nothing is any.
bool has(const Frameworks& found, std::optional<Framework> wanted) {
  return wanted ? std::find(found.begin(), found.end(), *wanted) != found.end() : !found.empty();
}

/// What `program` uses: its own first, then what its libraries have, until `wanted` is among it.
Result<Frameworks> find_frameworks(const std::string& program, std::optional<Framework> wanted) {
  auto image = ElfImage::open(program);
  if (!image) return std::move(image).error();
  Frameworks found = frameworks_in(*image);
  if (has(found, wanted)) return found;
  SearchEnvironment environment;
  environment.ld_preload = variable("LD_PRELOAD");
  environment.ld_library_path = variable("LD_LIBRARY_PATH");
  const auto libraries = resolve_libraries(*image, environment);
  if (!libraries) return found;
  for (const auto& library : *libraries) {
    if (has(found, wanted)) break;
    auto loaded = ElfImage::open(library);
    if (!loaded) continue;
    const Frameworks more = frameworks_in(*loaded);
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

[[noreturn]] void become(const std::vector<std::string>& command, const std::string& directory, int out,
                         int err) {
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::setpgid(0, 0);
  if (!directory.empty() && ::chdir(directory.c_str()) != 0) ::_exit(127);
  std::vector<char*> argv;
  for (const auto& word : command)
    argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

struct Answer {
  std::string out, err;
  int wait_status = 0;
};

/// Reads both pipes until they close; false at the deadline, or where it is too much.
bool read_all(std::array<pollfd, 2>& pipes, Answer& answer, Clock::time_point deadline) {
  for (int open = 2; open > 0;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 || (::poll(pipes.data(), pipes.size(), static_cast<int>(left)) < 0 && errno != EINTR))
      return false;
    for (std::size_t i = 0; i < pipes.size(); ++i) {
      if (pipes[i].fd < 0 || pipes[i].revents == 0) continue;
      char buffer[65536];
      const auto count = ::read(pipes[i].fd, buffer, sizeof buffer);
      if (count > 0) {
        (i == 0 ? answer.out : answer.err).append(buffer, static_cast<std::size_t>(count));
      } else {
        pipes[i].fd = -1;
        --open;
      }
    }
    if (answer.out.size() + answer.err.size() > kMaxListBytes) return false;
  }
  return true;
}

Result<Answer> ask(const std::vector<std::string>& command, const ListRequest& request) {
  int out[2], err[2];
  if (::pipe2(out, O_CLOEXEC) != 0) return system_error(ErrorKind::io, "cannot make a pipe", errno);
  const Descriptor out_read(out[0]);
  Descriptor out_write(out[1]);
  if (::pipe2(err, O_CLOEXEC) != 0) return system_error(ErrorKind::io, "cannot make a pipe", errno);
  const Descriptor err_read(err[0]);
  Descriptor err_write(err[1]);
  const pid_t child = ::fork();
  if (child < 0) return system_error(ErrorKind::io, "cannot fork", errno);
  if (child == 0) become(command, request.working_directory, out[1], err[1]);
  out_write = Descriptor();
  err_write = Descriptor();
  Answer answer;
  std::array<pollfd, 2> pipes{{{out[0], POLLIN, 0}, {err[0], POLLIN, 0}}};
  const bool whole = read_all(pipes, answer, Clock::now() + request.timeout);
  if (!whole) ::kill(-child, SIGKILL), ::kill(child, SIGKILL);
  while (::waitpid(child, &answer.wait_status, 0) < 0 && errno == EINTR) {
  }
  if (!whole)
    return Error{
        ErrorKind::target,
        fmt::format("{} did not list its tests within {} s", request.program, request.timeout.count() / 1000),
        "DISCOVERY_TIMEOUT gives it longer; leakgate_add_test takes a program that cannot list", 0};
  return answer;
}

Error no_list(const ListRequest& request, const Answer& answer) {
  const std::string how = WIFSIGNALED(answer.wait_status)
                              ? fmt::format("died of signal {}", WTERMSIG(answer.wait_status))
                              : fmt::format("ended with {}", WEXITSTATUS(answer.wait_status));
  std::string said = answer.err.empty() ? answer.out : answer.err;
  if (const auto end = said.find('\n'); end != std::string::npos) said.resize(end);
  return Error{ErrorKind::target,
               fmt::format("{} lists no tests: it {}{}{}", request.program, how, said.empty() ? "" : ": ",
                           printable(shorten(said, 200))),
               "run it by hand with the option that lists its tests; see whether a filter leaves any", 0};
}

}  // namespace

Result<Framework> find_framework(const std::string& program) {
  auto found = find_frameworks(program, {});
  if (!found) return std::move(found).error();
  return found->empty() ? Framework::none : found->front();
}

Result<TestList> list_tests(const ListRequest& request) {
  TestList list;
  auto found = find_frameworks(request.program, request.framework);
  if (!found) return std::move(found).error();
  list.windows_seen = !found->empty();
  list.framework = request.framework.value_or(found->empty() ? Framework::none : found->front());
  // asked in another framework's words, it would run its tests, and what they print would be taken for a list
  if (!found->empty() && !has(*found, list.framework))
    return Error{ErrorKind::usage,
                 fmt::format("{} is a program of {}, not of {}", request.program,
                             model::name_of(found->front()), model::name_of(list.framework)),
                 "leave FRAMEWORK out: it is found", 0};
  const auto ways = attribute::listing_arguments(list.framework);
  if (ways.empty())
    return Error{ErrorKind::usage, fmt::format("no test framework was found in {}", request.program),
                 "leakgate_add_test takes any program; FRAMEWORK with MODE per_test takes a stripped one", 0};
  std::error_code error;
  if (!request.working_directory.empty() && !std::filesystem::is_directory(request.working_directory, error))
    return Error{ErrorKind::usage,
                 fmt::format("the working directory {} does not exist", printable(request.working_directory)),
                 "make it before the program is built, or list the tests later with DISCOVERY_MODE PRE_TEST",
                 0};
  Answer answer;
  const auto arguments = attribute::arguments_for_listing(list.framework, request.arguments);
  for (const auto& way : ways) {
    std::vector<std::string> command{request.program};
    command.insert(command.end(), arguments.begin(), arguments.end());
    command.insert(command.end(), way.begin(), way.end());
    auto asked = ask(command, request);
    if (!asked) return std::move(asked).error();
    answer = std::move(*asked);
    if (WIFSIGNALED(answer.wait_status)) break;
    // Boost.Test lists on standard error
    list.tests = attribute::parse_listing(list.framework,
                                          list.framework == Framework::boost_test ? answer.err : answer.out);
    const bool ended_well = WIFEXITED(answer.wait_status) && WEXITSTATUS(answer.wait_status) == 0;
    if (!list.tests.empty() || (request.may_be_empty && list.windows_seen && ended_well)) return list;
  }
  return no_list(request, answer);
}

}  // namespace leakgate::cli
