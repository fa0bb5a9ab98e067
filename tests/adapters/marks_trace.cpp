// SPDX-License-Identifier: Apache-2.0
// The breakpoint tracer. One int3 per mark; a hit is handled with the thread stopped, then stepped over.
#include "tests/adapters/marks_trace.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "tests/adapters/elf_functions.h"
#include "tests/adapters/target_memory.h"

namespace leakgate::adapters_test {
namespace {

using attribute::MarkLayout;
using attribute::MarkRole;
using attribute::OutcomeForm;

struct Breakpoint {
  std::uint8_t original = 0;
  std::vector<MarkLayout> marks;  // empty: the program's entry point
};

struct Process {
  bool main = false;
  bool death_child = false;
  bool crash_reported = false;
  pid_t death_tid = 0;  // thread whose next fork makes a death test's child
  std::map<std::uint64_t, Breakpoint> breakpoints;
  std::vector<std::string> suites;
  bool open = false;
  std::uint64_t object = 0;  // of the start mark that opened the window
  Window window;
  std::uint64_t failed = 0;
  std::uint64_t skipped = 0;
};

class Tracer {
 public:
  explicit Tracer(attribute::MarkSet set) : set_(set) {}

  Result<MarkTrace> run(const std::vector<std::string>& command, const std::string& output_path);

 private:
  void loop();
  void on_stop(pid_t tid, int status);
  void on_event(pid_t tid, int event);
  void on_new_process(pid_t parent_tid, pid_t child);
  void on_exec(pid_t pid);
  bool on_trap(pid_t tid);
  void on_gone(pid_t tid, int status);
  void set_entry_breakpoint(pid_t pid);
  void set_mark_breakpoints(pid_t pid);
  void set_breakpoint(pid_t pid, std::uint64_t address, const MarkLayout* mark);
  void step_over(pid_t tid, Process& process, std::uint64_t address, user_regs_struct regs);
  void hit(pid_t tid, Process& process, const MarkLayout& mark, const user_regs_struct& regs);
  void start(pid_t pid, Process& process, const MarkLayout& mark, std::uint64_t object);
  void end(pid_t pid, Process& process, const MarkLayout& mark, const user_regs_struct& regs,
           std::uint64_t object);
  void part(pid_t pid, Process& process, const MarkLayout& mark, const user_regs_struct& regs);
  void close_window(Process& process, std::string outcome);
  pid_t process_of(pid_t tid) const {
    const auto found = threads_.find(tid);
    return found == threads_.end() ? 0 : found->second;
  }

  attribute::MarkSet set_;
  pid_t main_pid_ = 0;
  std::map<pid_t, pid_t> threads_;  // thread -> process
  std::map<pid_t, Process> processes_;
  std::set<pid_t> early_;  // stopped before its parent's event told what it is
  std::set<std::string> objects_seen_;
  MarkTrace trace_;
};

std::string outcome_of(const Process& process) {
  if (process.failed != 0) return "failed";
  return process.skipped != 0 ? "skipped" : "passed";
}

Result<MarkTrace> Tracer::run(const std::vector<std::string>& command, const std::string& output_path) {
  std::vector<char*> argv;
  for (const std::string& word : command)
    argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  main_pid_ = ::fork();
  if (main_pid_ < 0) return system_error(ErrorKind::internal, "fork", errno);
  if (main_pid_ == 0) {
    const int output = ::open(output_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (output >= 0) {
      ::dup2(output, STDOUT_FILENO);
      ::dup2(output, STDERR_FILENO);
    }
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  if (::waitpid(main_pid_, &status, 0) < 0 || !WIFSTOPPED(status)) {
    return Error{ErrorKind::target, "cannot start " + command.front(), "", 0};
  }
  const long options =
      PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
  if (::ptrace(PTRACE_SETOPTIONS, main_pid_, nullptr, options) != 0) {
    return system_error(ErrorKind::unsupported, "ptrace", errno);
  }
  threads_[main_pid_] = main_pid_;
  processes_[main_pid_].main = true;
  set_entry_breakpoint(main_pid_);
  ::ptrace(PTRACE_CONT, main_pid_, nullptr, nullptr);
  loop();
  return std::move(trace_);
}

void Tracer::loop() {
  while (!threads_.empty() || !early_.empty()) {
    int status = 0;
    const pid_t tid = ::waitpid(-1, &status, __WALL);
    if (tid < 0) return;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      on_gone(tid, status);
    } else if (WIFSTOPPED(status)) {
      on_stop(tid, status);
    }
  }
}

void Tracer::on_stop(pid_t tid, int status) {
  const int signal = WSTOPSIG(status);
  if (threads_.count(tid) == 0) {
    early_.insert(tid);  // its parent's event comes next and continues it
    return;
  }
  int deliver = 0;
  if (const int event = status >> 16; event != 0) {
    on_event(tid, event);
  } else if (signal == SIGTRAP) {
    if (!on_trap(tid)) deliver = SIGTRAP;
  } else if (signal != SIGSTOP) {
    deliver = signal;
  }
  ::ptrace(PTRACE_CONT, tid, nullptr, static_cast<long>(deliver));
}

void Tracer::on_event(pid_t tid, int event) {
  unsigned long message = 0;
  ::ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &message);
  const auto child = static_cast<pid_t>(message);
  if (event == PTRACE_EVENT_EXEC) {
    on_exec(tid);
    return;
  }
  if (event != PTRACE_EVENT_CLONE && event != PTRACE_EVENT_FORK && event != PTRACE_EVENT_VFORK) return;
  // A clone event can be a thread or, without CLONE_THREAD, a process.
  std::ifstream as_process("/proc/" + std::to_string(child) + "/status");
  std::string line;
  pid_t group = child;
  while (std::getline(as_process, line)) {
    if (line.rfind("Tgid:", 0) == 0) group = static_cast<pid_t>(std::stol(line.substr(5)));
  }
  if (group == child) {
    on_new_process(tid, child);
  } else {
    threads_[child] = group;
  }
  if (early_.erase(child) != 0) ::ptrace(PTRACE_CONT, child, nullptr, nullptr);
}

void Tracer::on_new_process(pid_t parent_tid, pid_t child) {
  Process& parent = processes_[process_of(parent_tid)];
  Process process;
  process.breakpoints = parent.breakpoints;  // the int3 bytes were copied with the memory
  process.death_child = parent.death_child;
  if (parent.death_tid == parent_tid) {
    parent.death_tid = 0;
    process.death_child = true;
    ++trace_.death_children;
  }
  threads_[child] = child;
  processes_[child] = std::move(process);
}

void Tracer::on_exec(pid_t pid) {
  Process& process = processes_[pid];
  process.breakpoints.clear();
  process.suites.clear();
  process.open = false;
  set_entry_breakpoint(pid);
}

void Tracer::on_gone(pid_t tid, int status) {
  early_.erase(tid);
  threads_.erase(tid);
  const auto found = processes_.find(tid);
  if (found == processes_.end()) return;
  if (found->second.open) close_window(found->second, "crashed");
  processes_.erase(found);
  if (tid != main_pid_) return;
  if (WIFEXITED(status)) trace_.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) trace_.signal = WTERMSIG(status);
}

/// At the entry point the dynamic linker has mapped everything the executable needs.
void Tracer::set_entry_breakpoint(pid_t pid) {
  std::ifstream auxv("/proc/" + std::to_string(pid) + "/auxv", std::ios::binary);
  Elf64_auxv_t entry;
  while (auxv.read(reinterpret_cast<char*>(&entry), sizeof(entry))) {
    if (entry.a_type == AT_ENTRY) set_breakpoint(pid, entry.a_un.a_val, nullptr);
  }
}

void Tracer::set_mark_breakpoints(pid_t pid) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  std::set<std::string> done;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::string range, rights, offset, device, inode, path;
    fields >> range >> rights >> offset >> device >> inode;
    std::getline(fields >> std::ws, path);
    if (path.empty() || path[0] != '/' || std::stoull(offset, nullptr, 16) != 0 || !done.insert(path).second)
      continue;
    const std::optional<ElfFunctions> functions = read_elf_functions(path);
    if (!functions) continue;
    const std::uint64_t bias = std::stoull(range, nullptr, 16) - functions->first_load_vaddr;
    const attribute::SymbolLookup lookup = [&](std::string_view name) -> std::optional<std::uint64_t> {
      const auto found = functions->by_name.find(std::string(name));
      return found == functions->by_name.end() ? std::nullopt : std::optional(found->second);
    };
    const attribute::FoundMarks marks = attribute::find_marks(lookup, set_);
    for (const attribute::MarkProbe& probe : marks.probes)
      set_breakpoint(pid, probe.vaddr + bias, &probe.mark);
    if (marks.probes.empty() || !objects_seen_.insert(path).second) continue;
    for (const attribute::MarkProbe& probe : marks.probes)
      trace_.probes.push_back(path + ": " + probe.symbol);
    trace_.frameworks.insert(trace_.frameworks.end(), marks.frameworks.begin(), marks.frameworks.end());
  }
}

void Tracer::set_breakpoint(pid_t pid, std::uint64_t address, const MarkLayout* mark) {
  auto& breakpoints = processes_[pid].breakpoints;
  if (breakpoints.count(address) == 0) {
    breakpoints[address].original = peek_value<std::uint8_t>(pid, address);
    poke_byte(pid, address, 0xcc);
  }
  if (mark) breakpoints[address].marks.push_back(*mark);
}

/// True if the trap was one of ours.
bool Tracer::on_trap(pid_t tid) {
  user_regs_struct regs{};
  ::ptrace(PTRACE_GETREGS, tid, nullptr, &regs);
  const pid_t pid = process_of(tid);
  Process& process = processes_[pid];
  const std::uint64_t address = regs.rip - 1;
  const auto found = process.breakpoints.find(address);
  if (found == process.breakpoints.end()) return false;
  if (found->second.marks.empty()) {
    set_mark_breakpoints(pid);
  } else {
    for (const MarkLayout& mark : std::vector<MarkLayout>(found->second.marks))
      hit(tid, process, mark, regs);
  }
  step_over(tid, process, address, regs);
  return true;
}

void Tracer::step_over(pid_t tid, Process& process, std::uint64_t address, user_regs_struct regs) {
  regs.rip = address;
  ::ptrace(PTRACE_SETREGS, tid, nullptr, &regs);
  poke_byte(tid, address, process.breakpoints[address].original);
  ::ptrace(PTRACE_SINGLESTEP, tid, nullptr, nullptr);
  int status = 0;
  if (::waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status)) poke_byte(tid, address, 0xcc);
}

void Tracer::hit(pid_t tid, Process& process, const MarkLayout& mark, const user_regs_struct& regs) {
  const pid_t pid = process_of(tid);
  std::uint64_t object = argument(regs, mark.arg);
  for (int i = 0; i < mark.deref; ++i)
    object = peek_value<std::uint64_t>(pid, object);
  if (mark.when_off != attribute::kNoOffset &&
      peek_value<std::uint8_t>(pid, object + mark.when_off) != mark.when_value) {
    return;
  }
  switch (mark.role) {
    case MarkRole::test_start:
      start(pid, process, mark, object);
      break;
    case MarkRole::test_end:
      end(pid, process, mark, regs, object);
      break;
    case MarkRole::test_part:
      part(pid, process, mark, regs);
      break;
    case MarkRole::death_fork:
      process.death_tid = tid;
      ++trace_.death_forks;
      break;
    case MarkRole::suite_start:
      process.suites.push_back(read_text(pid, object, mark.name));
      break;
    case MarkRole::suite_end:
      if (!process.suites.empty()) process.suites.pop_back();
      break;
    case MarkRole::test_crash:
      process.crash_reported = true;
      break;
    case MarkRole::tests_due:
    case MarkRole::test_body:
      break;  // they open and close nothing
  }
}

void Tracer::start(pid_t pid, Process& process, const MarkLayout& mark, std::uint64_t object) {
  if (process.open && process.object == object && set_ == attribute::MarkSet::full) return;  // told again
  if (process.open) close_window(process, "replaced");
  process.open = true;
  process.object = object;
  process.failed = process.skipped = 0;
  process.window = {};
  process.window.pid = pid;
  process.window.death_child = process.death_child;
  process.window.in_main_process = process.main;
  process.window.suite = read_text(pid, object, mark.suite);
  for (std::size_t i = 1; i < process.suites.size(); ++i) {  // the first one is the root of all
    process.window.suite += (i == 1 ? "" : "/") + process.suites[i];
  }
  process.window.name = read_text(pid, object, mark.name);
  process.window.file = read_text(pid, object, mark.file);
  if (mark.line_off != attribute::kNoOffset) {
    process.window.line = peek_value<std::uint32_t>(pid, object + mark.line_off);
  }
}

void Tracer::end(pid_t pid, Process& process, const MarkLayout& mark, const user_regs_struct& regs,
                 std::uint64_t object) {
  if (process.crash_reported) return;
  if (!process.open) {
    ++trace_.idle_ends;
    return;
  }
  process.window.end_name = read_text(pid, object, mark.name);
  if (mark.outcome_arg != attribute::kNoRegister) {
    const std::uint64_t totals = argument(regs, mark.outcome_arg);
    if (mark.outcome_form == OutcomeForm::passed_flag) {
      process.failed += peek_value<std::uint8_t>(pid, totals + mark.failed_off) == 0;
    } else if (mark.failed_off != attribute::kNoOffset) {
      process.failed += peek_value<std::uint64_t>(pid, totals + mark.failed_off);
    }
    if (mark.skipped_off != attribute::kNoOffset) {
      process.skipped += peek_value<std::uint64_t>(pid, totals + mark.skipped_off);
    }
  }
  close_window(process, outcome_of(process));
}

void Tracer::part(pid_t pid, Process& process, const MarkLayout& mark, const user_regs_struct& regs) {
  std::uint64_t type = argument(regs, mark.outcome_arg);
  if (mark.outcome_form == OutcomeForm::in_memory) type = peek_value<std::uint32_t>(pid, type, 8);
  if (mark.outcome_form == OutcomeForm::always) type = 0;
  type &= 0xffffffff;
  if (type > 7) return;
  process.failed += (mark.failed_mask >> type) & 1u;
  process.skipped += (mark.skipped_mask >> type) & 1u;
}

void Tracer::close_window(Process& process, std::string outcome) {
  process.open = false;
  process.window.outcome = std::move(outcome);
  trace_.windows.push_back(process.window);
}

}  // namespace

Result<MarkTrace> trace_marks(const std::vector<std::string>& command, attribute::MarkSet set,
                              const std::string& output_path) {
  return Tracer(set).run(command, output_path);
}

}  // namespace leakgate::adapters_test
