// SPDX-License-Identifier: Apache-2.0
// kill -9 of leakgate at any moment of a run: the target finishes as if nothing had happened (or was never
// started), and nothing of ours stays in the kernel.
#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Numbers of BPF programs and links.
struct KernelObjects {
  std::set<std::uint64_t> programs;
  std::set<std::uint64_t> links;
};

/// What a process holds, by its descriptors.
KernelObjects held_by(pid_t pid) {
  KernelObjects held;
  std::error_code gone;
  std::filesystem::directory_iterator entry("/proc/" + std::to_string(pid) + "/fdinfo", gone);
  for (; !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
    std::istringstream lines(read_file(entry->path()));
    for (std::string name; lines >> name;) {
      std::uint64_t number = 0;
      if (name == "prog_id:" && lines >> number) held.programs.insert(number);
      if (name == "link_id:" && lines >> number) held.links.insert(number);
    }
  }
  return held;
}

std::set<std::uint64_t> listed(const Scratch& scratch, const char* what) {
  const ProgramResult shown = run_program(scratch, {.argv = {LEAKGATE_BPFTOOL, "-j", what, "show"}});
  EXPECT_EQ(shown.status(), 0) << shown.err;
  std::set<std::uint64_t> ids;
  for (const Json& object : Json::parse(shown.out, nullptr, false))
    if (object.is_object()) ids.insert(object["id"].get<std::uint64_t>());
  return ids;
}

bool any_of(const std::set<std::uint64_t>& wanted, const std::set<std::uint64_t>& there) {
  return std::any_of(wanted.begin(), wanted.end(), [&](std::uint64_t id) { return there.contains(id); });
}

std::optional<pid_t> child_of(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children";
  std::istringstream children(read_file(path));
  pid_t child = 0;
  return children >> child ? std::optional(child) : std::nullopt;
}

class Kill : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    // Orphans become ours to wait for: that is how the target's status is seen when leakgate is gone.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  void TearDown() override { prctl(PR_SET_CHILD_SUBREAPER, 0); }

  void expect_gone(const KernelObjects& objects) {
    EXPECT_TRUE(wait_until(seconds(120), [&] { return !any_of(objects.programs, listed(scratch_, "prog")); }))
        << "programs of ours are still loaded";
    EXPECT_TRUE(wait_until(seconds(120), [&] { return !any_of(objects.links, listed(scratch_, "link")); }))
        << "links of ours are still there";
  }
  /// Waits for a process that leakgate left behind. Its status as waitpid gives it; nothing where leakgate
  /// had waited for it already. Fails the test when it does not end.
  static std::optional<int> status_of_orphan(pid_t pid) {
    int status = 0;
    pid_t got = 0;
    const bool ended = wait_until(seconds(60), [&] { return (got = waitpid(pid, &status, WNOHANG)) != 0; });
    EXPECT_TRUE(ended) << "the target hangs";
    return got == pid ? std::optional(status) : std::nullopt;
  }
};

TEST_F(Kill, InTheMiddleOfARunTheTargetFinishesAndNothingStays) {
  const std::string command = program_path("live_allocation_loop");
  Program leakgate(scratch_,
                   {.argv = leakgate_arguments({.command = {command, "400000"}}, scratch_ / "r.json")});
  // Far enough that the target's own code runs: its executable is the command's, and it has used the
  // processor.
  std::optional<pid_t> target;
  ASSERT_TRUE(wait_until(seconds(60), [&] {
    target = child_of(leakgate.pid());
    if (!target) return false;
    std::error_code gone;
    return std::filesystem::read_symlink("/proc/" + std::to_string(*target) + "/exe", gone) == command;
  }));
  const KernelObjects objects = held_by(leakgate.pid());
  EXPECT_FALSE(objects.programs.empty());
  EXPECT_FALSE(objects.links.empty());
  EXPECT_TRUE(any_of(objects.programs, listed(scratch_, "prog")));
  ASSERT_EQ(leakgate.output(), "") << "the target was too quick for this test";
  kill(leakgate.pid(), SIGKILL);
  const ProgramResult killed = leakgate.wait();
  EXPECT_EQ(killed.signal, SIGKILL);
  EXPECT_EQ(status_of_orphan(*target), 0);
  EXPECT_THAT(leakgate.output(), testing::MatchesRegex("[0-9.]+\n"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "r.json"));
  expect_gone(objects);
}

/// Death tests, threads and children at whatever stage they are when leakgate is gone.
class KillAfter : public Kill, public testing::WithParamInterface<int> {};

TEST_P(KillAfter, MillisecondsTheTargetFinishesOrWasNeverStarted) {
  const std::vector<std::string> command = {program_path("live_gtest_death")};
  Program leakgate(scratch_, {.argv = leakgate_arguments({.command = command}, scratch_ / "r.json")});
  KernelObjects objects;
  std::optional<pid_t> target;
  const auto deadline = std::chrono::steady_clock::now() + milliseconds(GetParam());
  while (std::chrono::steady_clock::now() < deadline) {
    if (!target) target = child_of(leakgate.pid());
    KernelObjects held = held_by(leakgate.pid());
    objects.programs.merge(held.programs);
    objects.links.merge(held.links);
    std::this_thread::sleep_for(milliseconds(1));
  }
  if (!target) target = child_of(leakgate.pid());
  kill(leakgate.pid(), SIGKILL);
  leakgate.wait();
  constexpr int kHeldStatus = 125 << 8;
  // no std::optional here: GCC 12 takes the empty one for uninitialised
  int status = -1;
  if (target)
    if (const auto ended = status_of_orphan(*target); ended) status = *ended;
  const std::string out = leakgate.output();
  if (out.empty()) {
    // Held before its exec: it must not run unseen.
    EXPECT_TRUE(status == -1 || status == kHeldStatus) << status;
  } else {
    EXPECT_TRUE(status == -1 || status == 0) << status;
    EXPECT_THAT(out, testing::HasSubstr("[  PASSED  ] 7 tests."));
  }
  expect_gone(objects);
}

INSTANTIATE_TEST_SUITE_P(Times, KillAfter, testing::Values(10, 40, 80, 120, 160, 200, 250, 300, 400, 600),
                         [](const auto& delay) { return std::to_string(delay.param) + "ms"; });

}  // namespace
}  // namespace leakgate::live
