// SPDX-License-Identifier: Apache-2.0
// `leakgate doctor`: facts about this machine, then the proof: a program with known allocations is traced.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <map>

#include "harness/base/elf_image.h"
#include "harness/base/proc_folder.h"
#include "harness/capture/planner/allocators.h"
#include "harness/cli/cli.h"
#include "harness/cli/console.h"
#include "harness/cli/exit_status.h"
#include "harness/pipeline/objects.h"

namespace leakgate::cli {
namespace {

enum class State { good, note, bad };

void row(State state, std::string_view what, std::string_view text, std::string_view hint = {}) {
  constexpr std::array<const char*, 3> kMarks{"ok  ", "note", "FAIL"};
  print(stdout, "{}  {:<14} {}\n", kMarks[static_cast<std::size_t>(state)], what, text);
  if (!hint.empty()) print(stdout, "      {:<14} -> {}\n", "", hint);
}

bool show_kernel() {
  utsname system{};
  ::uname(&system);
  int major = 0;
  int minor = 0;
  std::sscanf(system.release, "%d.%d", &major, &minor);
  const bool new_enough = major > 6 || (major == 6 && minor >= 1);
  const bool has_multi = major > 6 || (major == 6 && minor >= 6);
  row(new_enough ? State::good : State::bad, "kernel", fmt::format("{} {}", system.release, system.machine),
      new_enough ? "" : "6.1 or later is needed");
  row(has_multi ? State::good : State::note, "links",
      has_multi ? "one for all probes of a program"
                : "one for each probe: attaching and detaching takes longer",
      has_multi ? "" : "6.6 or later attaches many probes with one link");
  const bool btf = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  const bool mounted = ::access("/sys/kernel", F_OK) == 0;
  row(btf ? State::good : State::bad, "BTF",
      btf       ? "/sys/kernel/btf/vmlinux"
      : mounted ? "the kernel carries no type information"
                : "/sys is not mounted",
      btf       ? ""
      : mounted ? "use a kernel built with CONFIG_DEBUG_INFO_BTF"
                : "mount -t sysfs sysfs /sys");
  return new_enough && btf;
}

std::uint64_t effective_capabilities() {
  std::FILE* file = std::fopen("/proc/self/status", "re");
  if (!file) return 0;
  char line[256];
  unsigned long long value = 0;
  while (std::fgets(line, sizeof line, file))
    if (std::sscanf(line, "CapEff: %llx", &value) == 1) break;
  std::fclose(file);
  return value;
}

/// What lets a user trace without sudo; docs/privileges.md says what each capability is for.
std::string setcap_line(const std::string& self) {
  return fmt::format("sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_sys_admin+ep {}", self);
}

bool show_privileges(const std::string& self) {
  struct Needed {
    int bit;
    const char* name;
    const char* why;
    bool required;
  };
  constexpr std::array<Needed, 4> kNeeded{
      {{39, "cap_bpf", "loads the programs and maps", true},
       {38, "cap_perfmon", "places the probes", true},
       {19, "cap_sys_ptrace", "examines processes of other users", false},
       {21, "cap_sys_admin", "gives the target a private copy of the C library", false}}};
  const std::uint64_t have = effective_capabilities();
  bool enough = true;
  for (const Needed& needed : kNeeded) {
    const bool held = (have >> needed.bit & 1) != 0;
    enough = enough && (held || !needed.required);
    row(held              ? State::good
        : needed.required ? State::bad
                          : State::note,
        needed.name, fmt::format("{}: {}", held ? "held" : "missing", needed.why),
        held ? "" : "run under sudo, or give the file its capabilities, see below");
  }
  row(State::note, "without sudo", setcap_line(self));
  return enough;
}

void list_probes(const std::vector<std::string>& objects) {
  for (const std::string& object : objects) {
    auto image = ElfImage::open(object);
    if (!image) continue;
    auto probes = capture::plan_allocator_probes(*image);
    if (!probes) continue;
    for (const capture::PlannedProbe& probe : *probes)
      print(stdout, "      {} {}+{} `{}` {}{}: {}\n", object, probe.function->name,
            probe.plan.offset_in_function, probe.plan.instruction, capture::to_string(probe.plan.cost),
            probe.with_return              ? ", with return"
            : probe.return_offsets.empty() ? ""
                                           : fmt::format(", {} returns", probe.return_offsets.size()),
            probe.plan.reason);
  }
}

/// The blocks the self-test leaves, by function; sizes as in self_test_target.cpp.
const std::map<std::string, std::uint64_t>& expected_blocks() {
  static const std::map<std::string, std::uint64_t> blocks{
      {"malloc", 1001},       {"calloc", 1002},        {"realloc", 1003},
      {"reallocarray", 1004}, {"aligned_alloc", 1024}, {"posix_memalign", 1006},
      {"memalign", 1007},     {"valloc", 1008},        {"pvalloc", 1009}};
  return blocks;
}

bool has_block(const model::Recording& recording, std::uint64_t bytes) {
  for (const model::BlockGroup& group : recording.blocks)
    if (group.blocks == 1 && group.bytes == bytes) return true;
  return false;
}

bool run_self_test(const pipeline::RecordRequest& request) {
  auto recording = pipeline::record_command(request);
  if (!recording) {
    row(State::bad, "self-test", recording.error().message, recording.error().hint);
    return false;
  }
  bool good = recording->run.incomplete_reasons.empty();
  for (const model::IncompleteReason& reason : recording->run.incomplete_reasons)
    row(State::bad, "self-test", reason.message, reason.hint);
  for (const auto& [function, bytes] : expected_blocks()) {
    const bool hit = has_block(*recording, bytes);
    good = good && hit;
    row(hit ? State::good : State::bad, function, hit ? "probe hit, block found" : "its block was not found");
  }
  const bool freed = !has_block(*recording, 1010);
  row(freed ? State::good : State::bad, "free",
      freed ? "probe hit, block gone" : "its block was still there");
  const bool is_private = pipeline::is_isolated(*recording);
  row(is_private ? State::good : State::note, "isolation",
      is_private ? "private copy of the C library"
                 : "none: probes stand in the machine's own C library while a run lasts");
  for (const std::string& note : recording->tracer.notes)
    row(State::note, "self-test", note);
  row(State::good, "unwinder", recording->tracer.unwinder);
  return good && freed;
}

/// The backend that needs no privilege.
bool show_preload(pipeline::RecordRequest request) {
  request.backends = {capture::make_preload_tracer};
  const auto recording = pipeline::record_command(request);
  const bool good = recording && recording->run.incomplete_reasons.empty() && has_block(*recording, 1001);
  row(good ? State::good : State::note, "preload",
      good         ? "the backend without privileges works here: --backend preload"
      : !recording ? recording.error().message
      : recording->run.incomplete_reasons.empty()
          ? "its self-test found no block"
          : "its self-test is incomplete: " + recording->run.incomplete_reasons.front().message);
  return good;
}

}  // namespace

int run_doctor(const Options& options, const launch::CallerState& caller) {
  if (const auto proc = check_proc_folder(); !proc) {
    row(State::bad, "/proc", proc.error().message, proc.error().hint);
    print(stdout, "leakgate doctor: tracing does not work here\n");
    return kCannot;
  }
  char link[4096];
  const ssize_t length = ::readlink("/proc/self/exe", link, sizeof link);
  const std::string self(link, length > 0 ? static_cast<std::size_t>(length) : 0);
  bool good = show_kernel();
  good = show_privileges(self) && good;
  pipeline::RecordRequest request;
  request.caller = caller;
  request.command = {self, "self-test-target"};
  request.as_root = true;  // the program is leakgate's own, and must be found whoever the user is
  const std::vector<std::string> objects = pipeline::find_objects(request);
  std::string allocator = "none found";
  for (const std::string& object : objects) {
    auto image = ElfImage::open(object);
    auto probes = image ? capture::plan_allocator_probes(*image)
                        : Result<std::vector<capture::PlannedProbe>>(image.error());
    if (probes && !probes->empty()) allocator = fmt::format("{} ({} functions)", object, probes->size());
  }
  row(allocator == "none found" ? State::bad : State::good, "allocator", allocator);
  if (options.list_probes) list_probes(objects);
  good = run_self_test(request) && good;
  const bool preload = show_preload(request);  // gives up capabilities: last
  print(stdout, "leakgate doctor: {}\n",
        good      ? "tracing works here"
        : preload ? "tracing does not work here by eBPF; the preload backend does"
                  : "tracing does not work here");
  return good ? kPass : kCannot;
}

}  // namespace leakgate::cli
