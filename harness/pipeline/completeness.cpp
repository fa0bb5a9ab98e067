// SPDX-License-Identifier: Apache-2.0
// The table of causes, and the checks that no counter in the kernel can make.
#include "harness/pipeline/completeness.h"

#include <fmt/format.h>

#include <array>
#include <set>
#include <string>
#include <string_view>

namespace leakgate::pipeline {
namespace {

struct Cause {
  std::string_view name;
  std::string_view message;
  std::string_view hint;
};

constexpr auto kCauses = std::to_array<Cause>({
    {"live_table_full", "the table of live blocks was full", "raise --max-live-blocks, or leave it at auto"},
    {"stack_table_full", "the table of call stacks was full", "raise --max-stacks, or leave it at auto"},
    {"thread_table_full", "more threads lived at once than can be followed",
     "raise --max-threads, or give the machine more memory"},
    {"process_table_full", "more processes were started than can be followed", "raise --max-processes"},
    {"ring_full", "control records were dropped", "raise --ring-bytes"},
    {"nested_too_deep", "allocation calls on too many stacks of one thread were open at once", ""},
    {"mapping_table_full", "the table of mapped files was full: stacks of some processes could not be walked",
     "start fewer processes in one run, with fewer mappings of code each"},
    {"scopes_too_deep",
     "more than 16 scopes and sections were open at once, or too many threads opened and closed them",
     "nest fewer of them"},
    {"result_unreadable", "the result of posix_memalign could not be read", ""},
    {"probe_refused", "an allocation function or a test framework could not be probed",
     "`leakgate doctor --probes` lists what can be probed"},
    {"not_preloaded",
     "a program ran without the preloaded library: statically linked, set-uid, as another user, under "
     "Valgrind, of "
     "another C library, or the library is of another build of leakgate",
     "trace it by eBPF (--backend ebpf), or link it dynamically"},
    {"not_mapped", "a process had no room for the ledger in its address space", "see ulimit -v"},
    {"loaded_apart",
     "a library was loaded with RTLD_DEEPBIND or into a namespace of its own: what it allocates and frees "
     "goes past the preloaded one",
     "trace it by eBPF (--backend ebpf)"},
    {"not_permitted", "a process had become another user, who may not open the ledger, and forked",
     "trace it by eBPF (--backend ebpf), or start it as that user"},
    {"not_numbered", "a process ran in a pid namespace of its own, in which its number is another one",
     "trace it by eBPF (--backend ebpf), or start leakgate in that namespace"},
    {"sanitized",
     "a program has a sanitizer, beside which nothing can be preloaded: it did not run as it does alone",
     "trace it by eBPF (--backend ebpf), or a build without the sanitizer"},
    {"end_unseen", "a process ended without being looked at, and left blocks behind",
     "give the machine less to do besides, or trace it by the other backend (--backend ebpf or preload)"},
    {"detour_refused", "a function of an allocator, a test framework or the C library could not be watched",
     "trace it by eBPF (--backend ebpf)"},
    {"ledger_damaged",
     "what the preloaded library wrote down does not add up: the program wrote over it, or freed blocks in "
     "ways that were "
     "not seen",
     "trace it by eBPF (--backend ebpf)"},
    {"static_late", "a statically linked program ran before its allocation functions were probed",
     "start it by itself: leakgate run -- THE_PROGRAM"},
    {"examined_late", "a process ran on before its test framework was probed",
     "run it again; if it persists, start the test binary itself"},
});

model::IncompleteReason reason_for(std::string_view name, std::uint64_t count) {
  for (const Cause& cause : kCauses)
    if (cause.name == name)
      return {std::string(name), count, std::string(cause.message), std::string(cause.hint)};
  return {std::string(name), count, "events were lost", ""};
}

void add_process_gaps(const model::Recording& recording, std::vector<model::IncompleteReason>& reasons) {
  std::uint64_t running = 0;
  std::string first;
  for (const model::Process& process : recording.processes) {
    if (process.role != model::ProcessRole::running) continue;
    if (running++ == 0) first = fmt::format("{} (pid {})", process.exe, process.pid);
  }
  if (running)
    reasons.push_back({"still_running", running,
                       fmt::format("{} was still running when the command ended", first),
                       "raise --wait, or let the command wait for what it starts"});
}

/// A program with a test framework in which nothing was seen although something must have happened. Programs
/// that list their tests, show their help or are left no test by filter or shard have nothing to show, and
/// say so by not announcing any; only GoogleTest announces, so the others are not judged by their number of
/// tests.
void add_blind_programs(const model::Trace& trace, std::vector<model::IncompleteReason>& reasons) {
  std::vector<bool> has_windows(trace.processes.size());
  for (const model::TraceWindow& window : trace.windows)
    if (window.process < has_windows.size()) has_windows[window.process] = true;
  for (std::size_t i = 0; i < trace.processes.size(); ++i) {
    const model::TraceProcess& process = trace.processes[i];
    const bool ended_well = process.end == model::ImageEnd::exited && process.exit.code == 0;
    if (process.death_test || !ended_well) continue;
    if (process.tests_due && !has_windows[i])
      reasons.push_back(
          {"no_tests_seen", 1, fmt::format("{} ran tests, and none of them was seen", process.exe),
           "a test framework built in an unknown way? Build it without link-time optimisation"});
    // registering its tests alone takes memory; a forked child may be content with what it inherits
    if (process.framework != model::Framework::none && process.allocations == 0 && !process.forked)
      reasons.push_back(
          {"no_allocations_seen", 1,
           fmt::format("no allocation of {} was seen, which has a test framework", process.exe),
           "an allocator of its own, without symbols? `leakgate doctor --probes` lists what is probed"});
  }
}

/// A program whose dynamic linker and libraries were not known when it was executed meets no probe, so nobody
/// is told to examine it. The dynamic linker's own failures end with 127.
void add_unexamined_programs(const model::Trace& trace, const model::Recording& recording,
                             std::vector<model::IncompleteReason>& reasons) {
  if (trace.tracer.backend != "ebpf") return;
  std::uint64_t unexamined = 0;
  std::string first;
  for (std::size_t i = 0; i < trace.processes.size(); ++i) {
    const model::TraceProcess& process = trace.processes[i];
    const bool is_judged =
        i >= recording.processes.size() || recording.processes[i].role == model::ProcessRole::judged;
    if (!is_judged || process.forked || process.examined || process.allocations != 0) continue;
    if (process.end != model::ImageEnd::exited || !process.exit.code || *process.exit.code == 127) continue;
    if (unexamined++ == 0) first = process.exe;
  }
  if (unexamined)
    reasons.push_back(
        {"not_examined", unexamined,
         fmt::format("{} ran with a dynamic linker that was not known: nothing of it was seen", first),
         "a container or a leakgate inside the run? Start leakgate in there, or leave it out"});
}

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

std::vector<std::string> describe_stripped(const model::Recording& recording) {
  std::set<std::uint32_t> with_tests;
  for (const model::Test& test : recording.tests)
    if (test.framework != model::Framework::none) with_tests.insert(test.process);
  std::set<std::string> names;
  for (std::uint32_t i = 0; i < recording.processes.size(); ++i) {
    const model::Process& process = recording.processes[i];
    if (process.stripped && process.role == model::ProcessRole::judged && !with_tests.contains(i))
      names.insert(file_name(process.exe));
  }
  std::vector<std::string> notes;
  for (const std::string& name : names)
    notes.push_back(fmt::format("{} is stripped: tests inside it, if any, cannot be told apart", name));
  return notes;
}

std::vector<std::string> describe_idle(const model::Trace& trace) {
  std::set<std::string> idle, busy;
  for (const model::TraceProcess& process : trace.processes)
    if (process.framework != model::Framework::none && !process.tests_due && !process.forked &&
        !process.death_test)
      idle.insert(file_name(process.exe));
  for (const model::TraceWindow& window : trace.windows)
    if (window.process < trace.processes.size()) busy.insert(file_name(trace.processes[window.process].exe));
  std::vector<std::string> notes;
  for (const std::string& name : idle)
    if (!busy.contains(name))
      notes.push_back(fmt::format(
          "{} has a test framework, and none of its tests ran: a filter that matches none?", name));
  return notes;
}

std::vector<model::IncompleteReason> find_gaps(const model::Trace& trace, const RunOutcome& outcome,
                                               const model::Recording& recording) {
  std::vector<model::IncompleteReason> reasons;
  for (const auto& [name, count] : trace.tracer.lost)
    if (count) reasons.push_back(reason_for(name, count));
  if (outcome.timed_out)
    reasons.push_back({"target_timeout", 1, "the command was ended at its time limit", "raise --timeout"});
  if (trace.processes.empty())
    reasons.push_back({"nothing_traced", 1, "no process of the command was seen by the tracer",
                       "`leakgate doctor` tests the probes"});
  add_process_gaps(recording, reasons);
  add_blind_programs(trace, reasons);
  add_unexamined_programs(trace, recording, reasons);
  return reasons;
}

}  // namespace leakgate::pipeline
