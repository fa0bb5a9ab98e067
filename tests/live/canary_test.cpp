// SPDX-License-Identifier: Apache-2.0
// A gate that cannot see must not be green. The tracer is broken here in one way after the other, in this
// very process: its links are closed under it, it is given the wrong process or library, it takes everything
// for reachable. The program under test is clean, or leaks; no broken run may end in a pass.
#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>

#include <fstream>

#include "harness/capture/heap_tracer.h"
#include "harness/cli/exit_status.h"
#include "harness/judge/judge.h"
#include "harness/pipeline/record.h"
#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using capture::TracedTarget;
using capture::TracerHooks;

/// What is broken, and when.
struct Break {
  std::function<void(TracedTarget&, TracerHooks&)> before_start = [](auto&, auto&) {};
  std::function<void()> after_start = [] {};
  std::function<void()> while_running = [] {};
};

class BrokenTracer final : public capture::HeapTracer {
 public:
  BrokenTracer(std::unique_ptr<HeapTracer> whole, Break what)
      : whole_(std::move(whole)), break_(std::move(what)) {}
  Status start(const TracedTarget& target, TracerHooks hooks) override {
    TracedTarget changed = target;
    break_.before_start(changed, hooks);
    Status started = whole_->start(changed, std::move(hooks));
    break_.after_start();
    return started;
  }
  [[nodiscard]] int event_descriptor() const override { return whole_->event_descriptor(); }
  Status poll() override {
    Status polled = whole_->poll();
    if (!whole_->running().empty()) break_.while_running();
    return polled;
  }
  [[nodiscard]] std::vector<std::int32_t> running() const override { return whole_->running(); }
  void expect_canary() override { whole_->expect_canary(); }
  [[nodiscard]] capture::CanarySight canary() const override { return whole_->canary(); }
  Result<model::Trace> finish() override { return whole_->finish(); }

 private:
  std::unique_ptr<HeapTracer> whole_;
  Break break_;
};

/// The name of the BPF program that descriptor `fd` of this process links, if it is a link.
std::string linked_program(const std::string& fd) {
  std::ifstream info("/proc/self/fdinfo/" + fd);
  bool is_link = false;
  for (std::string line; std::getline(info, line);) {
    is_link = is_link || line.starts_with("link_type:");
    if (!is_link || !line.starts_with("prog_id:")) continue;
    const int program = ::bpf_prog_get_fd_by_id(static_cast<unsigned>(std::stoul(line.substr(8))));
    bpf_prog_info found{};
    unsigned bytes = sizeof found;
    const bool known = program >= 0 && ::bpf_obj_get_info_by_fd(program, &found, &bytes) == 0;
    ::close(program);
    return known ? found.name : "";
  }
  return "";
}

/// Takes the probes of one program away, as somebody with bpftool could. The descriptors stay open, on
/// nothing.
void lose_probes(const std::string& program) {
  DIR* folder = ::opendir("/proc/self/fd");
  ASSERT_NE(folder, nullptr);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  int lost = 0;
  while (const dirent* entry = ::readdir(folder))
    if (linked_program(entry->d_name) == program) {
      ::dup3(nothing, std::stoi(entry->d_name), O_CLOEXEC);
      ++lost;
    }
  ::close(nothing);
  ::closedir(folder);
  EXPECT_GT(lost, 0) << program;
}

class Canary : public Live {
 protected:
  /// Records `command` under a tracer that is broken so, judges by the default policy.
  void run(std::vector<std::string> command, Break what) {
    pipeline::RecordRequest request;
    request.command = std::move(command);
    request.caller = launch::CallerState::capture();
    request.as_root = true;
    request.backends = {
        [&](const capture::TracerOptions& options) -> Result<std::unique_ptr<capture::HeapTracer>> {
          auto whole = capture::make_ebpf_tracer(options);
          if (!whole) return std::move(whole).error();
          return std::unique_ptr<capture::HeapTracer>(
              std::make_unique<BrokenTracer>(std::move(*whole), what));
        }};
    auto recording = pipeline::record_command(request);
    ASSERT_TRUE(recording) << recording.error().message;
    verdict_ = judge::judge(std::move(*recording), {});
  }
  [[nodiscard]] std::vector<std::string> reasons() const {
    std::vector<std::string> names;
    for (const model::IncompleteReason& reason : verdict_.run.incomplete_reasons)
      names.push_back(reason.cause + ": " + reason.message);
    return names;
  }
  [[nodiscard]] int status() const { return cli::exit_status(verdict_, 23); }
  void expect_blind(const std::string& reason) {
    EXPECT_EQ(status(), 125);
    EXPECT_THAT(reasons(), testing::Contains(testing::HasSubstr(reason)));
  }
  model::Verdict verdict_;
};

const std::string kNotSeen = "canary: leakgate's own test leak was not seen as it should be: ";

TEST_F(Canary, IsNotMetWhenAllIsWell) {
  run({program_path("live_clean")}, {});
  EXPECT_EQ(status(), 0);
  EXPECT_THAT(reasons(), testing::IsEmpty());
  ASSERT_EQ(verdict_.processes.size(), 1u);
  EXPECT_EQ(verdict_.processes[0].allocations, verdict_.tracer.allocations);
  EXPECT_EQ(verdict_.tests.size(), 1u);
  EXPECT_THAT(verdict_.leaks, testing::IsEmpty());
  for (const model::Module& module : verdict_.modules)
    EXPECT_THAT(module.path, testing::Not(testing::HasSubstr("canary")));
}

TEST_F(Canary, MissesProbesThatAreGone) {
  for (const auto& [program, what] : std::vector<std::pair<std::string, std::string>>{
           {"alloc_enter", "the lost block was not found"},
           {"alloc_exit", "the lost block was not found"},
           {"free_enter", "the freed block was not seen to be freed"},
           {"on_exec", "its process was not noticed"},
           {"on_exit", "the end of its process was not noticed"}}) {
    SCOPED_TRACE(program);
    run({program_path("live_clean")}, {.after_start = [&, program = program] { lose_probes(program); }});
    expect_blind(kNotSeen + what);
  }
}

TEST_F(Canary, MissesProbesThatGoDuringTheRun) {
  bool gone = false;
  const auto lose = [&] {
    if (!std::exchange(gone, true)) lose_probes("alloc_enter");
  };
  run({"/bin/sleep", "0.2"}, {.while_running = lose});
  EXPECT_TRUE(gone);
  expect_blind(kNotSeen + "the lost block was not found");
}

TEST_F(Canary, MissesTheRightLibrary) {
  // the machine's own library is probed, and processes get a copy of it
  const auto wrong = [](TracedTarget& target, TracerHooks&) {
    for (capture::KnownObject& object : target.objects)
      object.open_path = object.path;
  };
  run({program_path("live_static_child")}, {.before_start = wrong});
  expect_blind(kNotSeen + "the lost block was not found");
}

TEST_F(Canary, MissesProcessesThatAreFilteredOut) {
  const auto others = [](TracedTarget& target, TracerHooks&) {
    target.pid += 1 << 23;
    target.canary_pid += 1 << 23;
  };
  run({program_path("live_clean")}, {.before_start = others});
  expect_blind(kNotSeen + "its process was not noticed");
  EXPECT_THAT(reasons(), testing::Contains(testing::HasSubstr("nothing_traced")));
}

TEST_F(Canary, MissesWhatIsLostAmongWhatIsReachable) {
  const auto trusting = [](TracedTarget&, TracerHooks& hooks) {
    hooks.classify = [classify = hooks.classify](const model::HeldProcess& held, bool with_groups) {
      model::MomentFindings findings = classify(held, with_groups);
      for (model::Kind& kind : findings.kinds)
        kind = model::Kind::still_reachable;
      for (model::TraceOutstanding& group : findings.groups)
        group.kind = model::Kind::still_reachable;
      return findings;
    };
  };
  run({program_path("live_clean")}, {.before_start = trusting});
  expect_blind(kNotSeen + "the lost block was taken for reachable");
}

std::string gtest_program() {
  return std::string(LEAKGATE_EXAMPLES) + "/example_gtest_minimal";
}

TEST_F(Canary, TestsThatRanUnseenAreMissed) {
  const auto no_starts = [](TracedTarget&, TracerHooks& hooks) {
    hooks.find_marks = [find = hooks.find_marks](const ElfImage& image) {
      auto marks = find(image);
      std::erase_if(marks, [](const capture::Mark& mark) { return mark.role == 1; });
      return marks;
    };
  };
  run({gtest_program(), "--gtest_filter=*:-*eak*"}, {.before_start = no_starts});
  EXPECT_THAT(reasons(), testing::Contains(testing::HasSubstr("no_tests_seen")));
  EXPECT_EQ(status(), 125);
}

TEST_F(Canary, FrameworksWithoutAllocationsAreMissed) {
  run({gtest_program(), "--gtest_list_tests"}, {.after_start = [] { lose_probes("alloc_enter"); }});
  EXPECT_THAT(reasons(), testing::Contains(testing::HasSubstr("no_allocations_seen")));
  EXPECT_EQ(status(), 125);
}

TEST_F(Canary, ProgramsThatHaveNoTestsToRunPass) {
  for (const std::string option :
       {"--gtest_list_tests", "--help", "--gtest_filter=NoSuchTest.*", "--gtest_filter=-*"}) {
    SCOPED_TRACE(option);
    run({gtest_program(), option}, {});
    EXPECT_THAT(reasons(), testing::IsEmpty());
    EXPECT_EQ(status(), 0);
  }
}

}  // namespace
}  // namespace leakgate::live
