// SPDX-License-Identifier: Apache-2.0
// Records come through a ring in the shared memory; ends of processes are the kernel's to tell, and become
// records here.
#include "harness/capture/preload/preload_session.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "harness/base/clock.h"
#include "harness/base/sanitizer_library.h"
#include "harness/base/text.h"
#include "harness/capture/hold/held_threads.h"
#include "harness/capture/preload/shared_word.h"
#include "harness/capture/preload/thread_states.h"

namespace leakgate::capture {
namespace {

using preload::Process;
using preload::Thread;

/// The target opens the memory file by way of /proc, as the user it runs as.
Status check_user(std::int32_t pid) {
  struct stat status {};
  if (::stat(fmt::format("/proc/{}", pid).c_str(), &status) != 0 || status.st_uid == ::geteuid()) return {};
  return Error{ErrorKind::permission, "the preload backend cannot trace a command that runs as another user",
               "run leakgate as that user, without sudo; or --as-root", 0};
}

/// A sanitizer's library wants to be the first that is loaded, and ends the program where it is not.
Status check_sanitizers(const TracedTarget& target) {
  for (const KnownObject& object : target.objects)
    if (is_sanitizer_library(object.path))
      return Error{ErrorKind::unsupported,
                   fmt::format("the target has a sanitizer ({}), beside which nothing can be preloaded",
                               base_name(object.path)),
                   "trace it by eBPF (--backend ebpf), or a build without the sanitizer", 0};
  return {};
}

/// Whether a program with this module in it does not run as it does alone: a sanitizer's library that is not
/// the first, or a runtime inside the program that has the ledger's addresses for itself.
bool is_sanitizers(const ElfImage& image) {
  return is_sanitizer_library(image.path()) || image.find("__tsan_init") || image.find("__msan_init");
}

/// GoogleTest tells of its tests in more than one place, and some of them are a single return; exceptions are
/// a hint alone; without bodies a framework's own blocks are the test's.
bool can_be_missed(std::uint8_t role) {
  return role == LG_MARK_TESTS_DUE || role == LG_MARK_THROW || role == LG_MARK_TEST_BODY;
}

/// What a detour is to tell the library.
std::uint32_t tells(preload::DetourKind kind, std::uint64_t what) {
  constexpr std::uint32_t kMask = (1u << preload::kDetourShift) - 1;
  return static_cast<std::uint32_t>(kind) << preload::kDetourShift |
         (static_cast<std::uint32_t>(what) & kMask);
}

}  // namespace

PreloadSession::PreloadSession(std::shared_ptr<SharedFile> file, const TracerOptions& options,
                               const TracedTarget& target)
    : file_(std::move(file)),
      unwind_(options.unwind == UnwindMode::automatic ? UnwindMode::eh_frame : options.unwind),
      root_pid_(target.pid),
      max_processes_(std::min(options.max_processes, preload::kMaxProcesses)),
      ring_(file_, options.ring_bytes),
      ledgers_(file_, max_processes_, options.all_stacks),
      patches_(file_) {
  preload::Header& header = file_->header();
  header.start_ns = monotonic_ns();
  header.beat_ns = header.start_ns;
  header.max_live_blocks = options.max_live_blocks;
  header.max_stacks = options.max_stacks;
  header.root_pid = static_cast<std::uint32_t>(target.pid);
  header.canary_pid = static_cast<std::uint32_t>(target.canary_pid);
  header.max_processes = max_processes_;
  header.max_threads = std::min(options.max_threads, preload::kMaxThreads);
  header.moments = static_cast<std::uint32_t>(options.moments);
  header.unwind = unwind_ == UnwindMode::none ? 0 : unwind_ == UnwindMode::frame_pointer ? 1 : 2;
  seal_.set(header);
}

Result<std::unique_ptr<Session>> PreloadSession::open(std::shared_ptr<SharedFile> file,
                                                      const TracerOptions& options,
                                                      const TracedTarget& target) {
  if (auto same = check_user(target.pid); !same) return std::move(same).error();
  if (auto fit = check_sanitizers(target); !fit) return std::move(fit).error();
  std::unique_ptr<PreloadSession> session(new PreloadSession(std::move(file), options, target));
  session->events_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!session->events_) return system_error(ErrorKind::io, "cannot make a descriptor for events", errno);
  if (auto telling = session->ring_.tell(session->events_.get()); !telling) return std::move(telling).error();
  session->ended_ = EndedProcesses(session->events_.get());
  session->expected_ = ExpectedPrograms(session->events_.get());
  return std::unique_ptr<Session>(std::move(session));
}

PreloadSession::~PreloadSession() {
  store(file_->header().ended, 1);
}

void PreloadSession::begin_module(std::uint32_t id, const ElfImage& image) {
  // what the dynamic linker leads to the library is interposed: all of the C library
  is_interposed_ = image.find("__libc_start_main") || image.path().ends_with("/libleakgate_preload.so");
  is_code_locked_ = false;
  if (is_sanitizers(image)) ++sanitizers_;
  patches_.begin_module(id, image);
  if (!image.find("__libc_start_main")) return;
  // the last moment at which a process that dies by it can be looked at
  watch_if_possible(image, "abort", tells(preload::kDetourAbort, 0));
  // libraries may be loaded so that they do not see the preloaded one
  watch_if_possible(image, "dlopen", tells(preload::kDetourLoad, 0));
  watch_if_possible(image, "dlmopen", tells(preload::kDetourLoad, 1));
}

void PreloadSession::watch_if_possible(const ElfImage& image, std::string_view name, std::uint32_t what) {
  const auto function = image.find(name);
  const auto offset = function ? image.file_offset(function->vaddr) : std::nullopt;
  if (offset && patches_.can_detour(*offset)) patches_.add_detour(*offset, what);
}

Status PreloadSession::attach(ProbeProgram program, const std::string& path,
                              std::span<const ProbeSite> sites) {
  if (!sites.empty() && !is_code_locked_) {
    is_code_locked_ = true;
    if (Descriptor lock = lock_code(path); lock) code_locks_.push_back(std::move(lock));
  }
  for (const ProbeSite& site : sites) {
    switch (program) {
      case ProbeProgram::mark_hit:
        if (!can_be_missed(role_of(site.cookie)) || patches_.can_detour(site.file_offset))
          patches_.add_detour(site.file_offset, tells(preload::kDetourMark, site.cookie));
        break;
      case ProbeProgram::exit_hit:
        patches_.add_detour(site.file_offset, tells(preload::kDetourExit, 0));
        break;
      case ProbeProgram::exit_called:
        patches_.add_detour(site.file_offset, tells(preload::kDetourExitCalled, 0));
        break;
      case ProbeProgram::link_map_changed:
        patches_.add_detour(site.file_offset, tells(preload::kDetourLinkMap, site.cookie));
        break;
      case ProbeProgram::alloc_enter:
      case ProbeProgram::operator_enter:
      case ProbeProgram::free_enter:
        patches_.add_wrap(site.entry_offset, site.cookie, program == ProbeProgram::free_enter);
        break;
      default:
        break;  // returns are seen by what is wrapped; adapters ask through a pointer
    }
  }
  return {};
}

void PreloadSession::note_query(std::uint64_t presence, std::uint64_t hook) {
  patches_.add_query(presence, hook);
}

void PreloadSession::detach(bool, bool) {
  ended_.poll([](std::uint32_t, std::int32_t, int) {});
}

Status PreloadSession::add_module_rows(std::uint32_t module, const lg_module_info& info,
                                       std::span<const lg_row> rows, std::span<const std::uint32_t> pages) {
  if (rows.empty() || pages.size() < 2 || module >= LG_MAX_MODULES) return {};
  const std::size_t needed = rows.size() + pages.size() - 1;
  if (rows_used_ + needed > preload::kMaxRows)
    return Error{ErrorKind::unsupported, "more unwinding rows than can be stored", "", 0};
  auto* const out = reinterpret_cast<lg_row*>(file_->control(preload::kRowsAt)) + rows_used_;
  std::copy(rows.begin(), rows.end(), out);
  for (std::size_t page = 0; page + 1 < pages.size(); ++page) {
    const lg_row_range range{pages[page], pages[page + 1]};
    std::memcpy(out + rows.size() + page, &range, sizeof range);
  }
  lg_module_info placed = info;
  placed.chunk = 0;
  placed.first_row = static_cast<std::uint32_t>(rows_used_);
  placed.first_page = static_cast<std::uint32_t>(rows_used_ + rows.size());
  rows_used_ += needed;
  reinterpret_cast<lg_module_info*>(file_->control(preload::kModulesAt))[module] = placed;
  return {};
}

std::uint8_t PreloadSession::role_of(std::uint64_t mark) const {
  return mark < LG_MAX_MARKS ? reinterpret_cast<const lg_mark*>(file_->control(preload::kMarksAt))[mark].role
                             : 0;
}

Status PreloadSession::add_mark(std::uint32_t id, const lg_mark& mark) {
  if (id >= LG_MAX_MARKS) return Error{ErrorKind::unsupported, "more marks than can be stored", "", 0};
  reinterpret_cast<lg_mark*>(file_->control(preload::kMarksAt))[id] = mark;
  return {};
}

Status PreloadSession::set_mappings(std::uint32_t process, std::uint32_t generation,
                                    std::span<const lg_mapping> mappings) {
  const auto now = file_->get<preload::Region>(process, 0);
  const std::uint64_t table = (now.mappings >> 32 & 1) ^ 1;
  file_->write(process, preload::kMappingsAt + table * LG_MAX_MAPPINGS * sizeof(lg_mapping),
               std::as_bytes(mappings));
  const std::uint64_t word = table << 32 | mappings.size();
  file_->put(process, offsetof(preload::Region, generation), generation);
  file_->put(process, offsetof(preload::Region, mappings), word);
  patches_.prepare(process, static_cast<std::int32_t>(file_->process(process).figures.pid), mappings);
  return {};
}

void PreloadSession::set_examined(std::uint32_t process) {
  Process& image = file_->process(process);
  store(image.examined, 1);
  wake(image.examined);
}

void PreloadSession::beat() {
  store(file_->header().beat_ns, monotonic_ns());
}

void PreloadSession::answer_moment(std::uint32_t process, std::uint32_t moment) {
  Process& image = file_->process(process);
  store(image.answered, moment);
  wake(image.answered);
}

Result<std::vector<lg_thread_state>> PreloadSession::threads(std::int32_t pid) const {
  const std::uint32_t image = ended_.image_in(pid);
  if (image == EndedProcesses::kNoImage)
    return Error{ErrorKind::not_found, fmt::format("process {} is not traced", pid), "", 0};
  const Process& process = file_->process(image);
  auto states = list_threads(pid, process);
  if (!states) return states;
  for (std::uint32_t i = 0; i < std::min(load(process.threads), preload::kMaxThreads); ++i) {
    const std::uint64_t slot = preload::kThreadsAt + i * preload::kThreadStride;
    const auto tid = file_->get<std::uint32_t>(image, slot + offsetof(Thread, tid));
    for (lg_thread_state& state : *states) {
      if (state.tid != tid) continue;
      const auto word = [&](std::size_t offset) { return file_->get<std::uint64_t>(image, slot + offset); };
      state.signal_stack = word(offsetof(Thread, signal_stack));
      const auto take = [&](std::size_t address, std::size_t bytes, __u64& to, __u64& to_bytes) {
        if (!is_possible_memory(word(address), word(bytes))) {
          threads_damaged_.insert(image);
          return;
        }
        to = word(address);
        to_bytes = word(bytes);
      };
      take(offsetof(Thread, moving), offsetof(Thread, moving_bytes), state.moving, state.moving_bytes);
      take(offsetof(Thread, given), offsetof(Thread, given_bytes), state.given, state.given_bytes);
    }
  }
  return states;
}

std::vector<std::uint64_t> PreloadSession::thread_arguments(std::int32_t pid) const {
  const std::uint32_t image = ended_.image_in(pid);
  if (image == EndedProcesses::kNoImage) return {};
  std::vector<std::uint64_t> arguments;
  const Process& process = file_->process(image);
  for (std::uint32_t i = 0; i < std::min(load(process.threads), preload::kMaxThreads); ++i) {
    const std::uint64_t slot = preload::kThreadsAt + i * preload::kThreadStride;
    const auto tid = file_->get<std::uint32_t>(image, slot + offsetof(Thread, tid));
    const auto argument = file_->get<std::uint64_t>(image, slot + offsetof(Thread, started_with));
    const bool runs = tid != 0 && tid != preload::kStartingThread;
    if (tid == 0 || argument == 0 || (runs && HeldThreads::has_ended(static_cast<std::int32_t>(tid))))
      continue;
    arguments.push_back(argument);
  }
  return arguments;
}

Status PreloadSession::drain_records(const Handle& handle) {
  const auto take = [&](lg_record& record, std::size_t size) { return hand_on(record, size, handle); };
  ring_.take(take);
  std::vector<lg_record_exit> exits;
  ended_.poll([&](std::uint32_t index, std::int32_t pid, int pidfd) {
    lg_record_exit record{};
    record.head = {LG_REC_EXIT, index, monotonic_ns()};
    const Process& image = file_->process(index);
    const auto status = exit_status_of(pid, pidfd, image.exit_code);
    // killed, or ended by a system call of its own and reaped before anybody looked: then its leaks would
    // count as those of a process that was killed; those of a death test's child count for nothing
    const bool counts = (load(image.figures.flags) & LG_PROC_DEATH_TEST) == 0;
    if (!status && counts && load(image.live_blocks) > 0) ++unknown_ends_;
    record.status = status.value_or(std::uint32_t{SIGKILL});
    exits.push_back(record);
  });
  const bool programs_ended = expected_.poll();
  // what they wrote before they ended comes first
  if (!exits.empty() || programs_ended) ring_.take(take);
  expected_.settle();
  for (const lg_record_exit& record : exits)
    handle(record.head, sizeof record);
  return {};
}

bool PreloadSession::hand_on(lg_record& record, std::size_t size, const Handle& handle) {
  if (record.proc > max_processes_) return false;
  switch (record.type) {
    case preload::kExecExpected:
    case preload::kExecCancelled:
    case preload::kSpawned:
      note_expected(reinterpret_cast<const lg_record_window&>(record));
      return true;
    case LG_REC_EXEC:
      complete(reinterpret_cast<lg_record_exec&>(record));
      break;
    case LG_REC_FORK:
      if (!watch(reinterpret_cast<const lg_record_fork&>(record))) return false;
      break;
    default:
      break;
  }
  handle(record, size);
  return true;
}

bool PreloadSession::watch(const lg_record_fork& record) {
  if (record.child >= max_processes_) return false;
  ended_.add(static_cast<std::int32_t>(record.pid), record.child);
  Process& child = file_->process(record.child);
  store(child.watched, 1);
  wake(child.watched);
  ledgers_.begin(record.child);
  patches_.fork(record.head.proc, record.child);
  return true;
}

void PreloadSession::complete(lg_record_exec& record) {
  const auto pid = static_cast<std::int32_t>(record.pid);
  expected_.arrive(pid, record.head.time_ns);
  const std::uint32_t before = ended_.add(pid, record.head.proc);
  ledgers_.begin(record.head.proc);
  record.replaced = before;
  record.same_process = before != EndedProcesses::kNoImage;
  lg_proc& figures = file_->process(record.head.proc).figures;
  if (record.same_process) {
    patches_.end(before);
    figures.flags |= file_->process(before).figures.flags & LG_PROC_DEATH_TEST;
  } else if (pid != root_pid_) {
    const auto parent = static_cast<std::int32_t>(file_->process(record.head.proc).figures.parent);
    record.replaced = ended_.image_in(parent);
  }
}

void PreloadSession::note_expected(const lg_record_window& record) {
  const auto pid = static_cast<std::int32_t>(record.window);
  if (record.head.type == preload::kExecCancelled)
    expected_.cancel(pid);
  else if (record.head.type == preload::kSpawned)
    expected_.expect(pid, record.head.time_ns, std::nullopt);
  else
    expected_.expect(pid, record.head.time_ns,
                     loading_of(pid, reinterpret_cast<const preload::NextProgram&>(record)));
}

std::vector<std::uint64_t> PreloadSession::lost() const {
  const auto& lost = file_->header().lost;
  return {std::begin(lost), std::end(lost)};
}

std::vector<std::uint64_t> PreloadSession::truncated() const {
  const auto& truncated = file_->header().truncated;
  return {std::begin(truncated), std::end(truncated)};
}

std::map<std::string, std::uint64_t> PreloadSession::own_losses() const {
  std::uint64_t unloaded = expected_.unseen();
  if (!expected_.has_arrived(root_pid_) && !expected_.is_expected(root_pid_)) ++unloaded;
  // who found no room in the table of processes tells nothing either
  unloaded -= std::min<std::uint64_t>(unloaded, load(file_->header().lost[LG_LOST_process_table_full]));
  unloaded += file_->header().left_out;
  return {{"end_unseen", unknown_ends_},
          {"not_preloaded", unloaded},
          {"not_mapped", file_->header().not_mapped},
          {"loaded_apart", file_->header().loaded_apart},
          {"not_permitted", file_->header().not_permitted},
          {"sanitized", sanitizers_},
          {"not_numbered", file_->header().not_numbered},
          {"detour_refused", patches_.refused() + ledgers_.patches_failed()},
          {"ledger_damaged", damages()}};
}

std::vector<std::string> PreloadSession::notes() const {
  std::vector<std::string> notes = patches_.notes();
  if (const std::uint64_t killed = expected_.killed(); killed != 0)
    notes.push_back(
        killed == 1 ? "a program was killed before it had loaded its libraries: nothing of it was recorded"
                    : fmt::format("{} programs were killed before they had loaded their libraries: nothing "
                                  "of them was recorded",
                                  killed));
  return notes;
}

std::uint64_t PreloadSession::damages() const {
  return ring_.damaged() + ledgers_.damaged() + threads_damaged_.size() +
         (seal_.is_intact(file_->header()) ? 0 : 1);
}

void PreloadSession::end_heirs_of(std::uint32_t process, std::uint32_t last) {
  __u64& left_before = file_->process(process).figures.left_before;
  __u64 before = load(left_before);
  // it may fork the next one meanwhile
  if (before >> 32 == last)
    __atomic_compare_exchange_n(&left_before, &before, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

void PreloadSession::retire(std::uint32_t process) {
  if (ledgers_.retire(process)) patches_.end(process);
}

}  // namespace leakgate::capture
