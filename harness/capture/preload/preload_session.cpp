// SPDX-License-Identifier: Apache-2.0
// Records come through a ring in the shared memory; ends of processes are the kernel's to tell, and become
// records here.
#include "harness/capture/preload/preload_session.h"

#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "harness/base/clock.h"
#include "harness/base/sanitizer_library.h"
#include "harness/base/text.h"
#include "harness/capture/preload/thread_states.h"

namespace leakgate::capture {
namespace {

using preload::Process;
using preload::Thread;

template <typename T>
T load(const T& from) {
  return __atomic_load_n(&from, __ATOMIC_ACQUIRE);
}

void wake(std::uint32_t& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, 0x7fffffff, nullptr, nullptr, 0);
}

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

/// What a detour is to tell the library.
std::uint32_t tells(preload::DetourKind kind, std::uint64_t what) {
  constexpr std::uint32_t kMask = (1u << preload::kDetourShift) - 1;
  return static_cast<std::uint32_t>(kind) << preload::kDetourShift |
         (static_cast<std::uint32_t>(what) & kMask);
}

/// Figures of a process with those that its threads keep to themselves.
lg_proc sum_up(const SharedFile& file, std::uint32_t index) {
  const Process& process = file.process(index);
  lg_proc sum = process.figures;
  sum.allocations = sum.bytes = sum.frees = sum.outside_allocations = sum.outside_bytes = 0;
  std::uint64_t test_allocations = 0;
  std::uint64_t test_bytes = 0;
  const std::uint32_t threads = std::min(load(process.threads), preload::kMaxThreads);
  for (std::uint32_t i = 0; i < threads; ++i) {
    struct Figures {
      std::byte bytes[offsetof(Thread, bare_stack)];
    };
    const auto raw = file.get<Figures>(index, preload::kThreadsAt + i * preload::kThreadStride);
    const auto at = [&](std::size_t offset) {
      std::uint64_t value = 0;
      std::memcpy(&value, raw.bytes + offset, sizeof value);
      return value;
    };
    sum.allocations += at(offsetof(Thread, allocations));
    sum.bytes += at(offsetof(Thread, bytes));
    sum.frees += at(offsetof(Thread, frees));
    sum.outside_allocations += at(offsetof(Thread, outside_allocations));
    sum.outside_bytes += at(offsetof(Thread, outside_bytes));
    std::uint32_t epoch = 0;
    std::memcpy(&epoch, raw.bytes + offsetof(Thread, epoch), sizeof epoch);
    if (epoch != process.epoch) continue;
    test_allocations += at(offsetof(Thread, test_allocations));
    test_bytes += at(offsetof(Thread, test_bytes));
  }
  sum.test_allocations = test_allocations;
  sum.test_bytes = test_bytes;
  return sum;
}

}  // namespace

PreloadSession::PreloadSession(std::shared_ptr<SharedFile> file, const TracerOptions& options,
                               const TracedTarget& target)
    : file_(std::move(file)),
      unwind_(options.unwind == UnwindMode::automatic ? UnwindMode::eh_frame : options.unwind),
      all_stacks_(options.all_stacks),
      root_pid_(target.pid),
      stacks_(file_),
      patches_(file_) {
  preload::Header& header = file_->header();
  header.start_ns = monotonic_ns();
  header.beat_ns = header.start_ns;
  header.max_live_blocks = options.max_live_blocks;
  header.max_stacks = options.max_stacks;
  header.root_pid = static_cast<std::uint32_t>(target.pid);
  header.canary_pid = static_cast<std::uint32_t>(target.canary_pid);
  header.max_processes = max_processes_ = std::min(options.max_processes, preload::kMaxProcesses);
  header.max_threads = std::min(options.max_threads, preload::kMaxThreads);
  header.ring_slots = ring_slots_ = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(options.ring_bytes / sizeof(preload::RingSlot), 1, preload::kRingSlots));
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
  session->doorbell_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  if (!session->events_ || !session->doorbell_ ||
      ::epoll_ctl(session->events_.get(), EPOLL_CTL_ADD, session->doorbell_.get(), &event) != 0)
    return system_error(ErrorKind::io, "cannot make a descriptor for events", errno);
  session->ended_ = EndedProcesses(session->events_.get());
  session->ringer_ =
      std::jthread([raw = session.get()](const std::stop_token& stop) { raw->ring_through(stop); });
  return std::unique_ptr<Session>(std::move(session));
}

PreloadSession::~PreloadSession() {
  preload::Header& header = file_->header();
  __atomic_store_n(&header.ended, 1, __ATOMIC_RELEASE);
  ringer_.request_stop();
  __atomic_fetch_add(&header.doorbell, 1, __ATOMIC_RELEASE);
  wake(header.doorbell);
}

/// A futex cannot be polled: this thread sleeps on it for us.
void PreloadSession::ring_through(const std::stop_token& stop) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::uint32_t& doorbell = file_->header().doorbell;
  std::uint32_t seen = 0;
  while (!stop.stop_requested()) {
    const std::uint32_t now = load(doorbell);
    if (now == seen) {
      ::syscall(SYS_futex, &doorbell, FUTEX_WAIT, now, nullptr, nullptr, 0);
      continue;
    }
    seen = now;
    const std::uint64_t one = 1;
    (void)!::write(doorbell_.get(), &one, sizeof one);
  }
}

void PreloadSession::begin_module(std::uint32_t id, const ElfImage& image) {
  // what the dynamic linker leads to the library is interposed: all of the C library
  is_interposed_ = image.find("__libc_start_main") || image.path().ends_with("/libleakgate_preload.so");
  patches_.begin_module(id, image);
  if (image.find("__libc_start_main")) watch_abort(image);
}

void PreloadSession::watch_abort(const ElfImage& image) {
  const auto function = image.find("abort");
  const auto offset = function ? image.file_offset(function->vaddr) : std::nullopt;
  if (offset && patches_.can_detour(*offset)) patches_.add_detour(*offset, tells(preload::kDetourAbort, 0));
}

Status PreloadSession::attach(ProbeProgram program, const std::string&, std::span<const ProbeSite> sites) {
  for (const ProbeSite& site : sites) {
    switch (program) {
      case ProbeProgram::mark_hit:
        // GoogleTest tells of its tests in more than one place, and some of them are a single return;
        // exceptions are a hint alone
        if ((role_of(site.cookie) != LG_MARK_TESTS_DUE && role_of(site.cookie) != LG_MARK_THROW) ||
            patches_.can_detour(site.file_offset))
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
        if (!is_interposed_)
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
  __atomic_store_n(&image.examined, 1, __ATOMIC_RELEASE);
  wake(image.examined);
}

void PreloadSession::beat() {
  __atomic_store_n(&file_->header().beat_ns, monotonic_ns(), __ATOMIC_RELEASE);
}

void PreloadSession::answer_moment(std::uint32_t process, std::uint32_t moment) {
  Process& image = file_->process(process);
  __atomic_store_n(&image.answered, moment, __ATOMIC_RELEASE);
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
    for (lg_thread_state& state : *states)
      if (state.tid == tid)
        state.signal_stack = file_->get<std::uint64_t>(image, slot + offsetof(Thread, signal_stack));
  }
  return states;
}

Status PreloadSession::drain_records(const Handle& handle) {
  std::uint64_t count = 0;
  (void)!::read(doorbell_.get(), &count, sizeof count);
  take_records(handle);
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
  // what they wrote before they ended comes first
  if (!exits.empty()) take_records(handle);
  for (const lg_record_exit& record : exits)
    handle(record.head, sizeof record);
  return {};
}

void PreloadSession::take_records(const Handle& handle) {
  for (std::uint32_t taken = 0; take_record(handle);) {
    if (++taken < 4 * ring_slots_) continue;
    const std::uint64_t again = 1;
    (void)!::write(doorbell_.get(), &again, sizeof again);
    break;
  }
}

bool PreloadSession::take_record(const Handle& handle) {
  constexpr std::uint64_t kPatienceNs = 2'000'000'000;
  preload::Header& header = file_->header();
  const std::uint64_t ticket = ring_read_;
  const std::uint64_t waiting = load(header.ring_next) - ticket;
  if (waiting == 0) return false;
  if (waiting > ring_slots_ || load(header.ring_read) != ticket) {  // overwritten: begin anew
    ++damaged_records_;
    __atomic_store_n(&header.ring_read, ticket, __ATOMIC_RELEASE);
    __atomic_store_n(&header.ring_next, ticket, __ATOMIC_RELEASE);
    return false;
  }
  const auto& slot =
      reinterpret_cast<const preload::RingSlot*>(file_->control(preload::kRingAt))[ticket % ring_slots_];
  if (load(slot.sequence) != ticket + 1) {  // being written, or its writer was killed
    if (stuck_ticket_ != ticket) {
      stuck_ticket_ = ticket;
      stuck_since_ns_ = monotonic_ns();
    }
    if (monotonic_ns() - stuck_since_ns_ < kPatienceNs) return false;
    __atomic_fetch_add(&header.lost[LG_LOST_ring_full], 1, __ATOMIC_RELAXED);
    __atomic_store_n(&header.ring_read, ++ring_read_, __ATOMIC_RELEASE);
    return true;
  }
  alignas(8) std::array<std::byte, preload::kRecordBytes> copy;
  const std::size_t size = std::min<std::size_t>(slot.bytes, copy.size());
  std::memcpy(copy.data(), slot.record, size);
  __atomic_store_n(&header.ring_read, ++ring_read_, __ATOMIC_RELEASE);
  if (size >= sizeof(lg_record)) hand_on(*reinterpret_cast<lg_record*>(copy.data()), size, handle);
  return true;
}

void PreloadSession::hand_on(lg_record& record, std::size_t size, const Handle& handle) {
  if (record.proc > max_processes_ || record.type == LG_REC_EXIT) {  // no library writes these
    ++damaged_records_;
    return;
  }
  if (record.type == preload::kExecExpected || record.type == preload::kExecCancelled) {
    if (size >= sizeof(lg_record_window)) note_expected(reinterpret_cast<const lg_record_window&>(record));
    return;
  }
  if (record.type == LG_REC_EXEC && size >= sizeof(lg_record_exec))
    complete(reinterpret_cast<lg_record_exec&>(record));
  if (record.type == LG_REC_FORK && size >= sizeof(lg_record_fork)) {
    const auto& fork = reinterpret_cast<const lg_record_fork&>(record);
    if (fork.child > max_processes_) return;
    ended_.add(static_cast<std::int32_t>(fork.pid), fork.child);
    __atomic_store_n(&file_->process(fork.child).watched, 1u, __ATOMIC_RELEASE);
    wake(file_->process(fork.child).watched);
    active_.insert(fork.child);
    patches_.fork(fork.head.proc, fork.child);
  }
  handle(record, size);
}

void PreloadSession::complete(lg_record_exec& record) {
  const auto pid = static_cast<std::int32_t>(record.pid);
  executed_ns_[pid] = record.head.time_ns;
  expected_ns_.erase(pid);
  const std::uint32_t before = ended_.add(pid, record.head.proc);
  if (record.head.proc != max_processes_) active_.insert(record.head.proc);
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
  if (record.head.type == preload::kExecCancelled) {
    expected_ns_.erase(pid);
    return;
  }
  const auto executed = executed_ns_.find(pid);
  if (executed == executed_ns_.end() || executed->second < record.head.time_ns)
    expected_ns_[pid] = record.head.time_ns;
}

std::uint32_t PreloadSession::images() const {
  return std::min(load(file_->header().processes), max_processes_);
}

bool PreloadSession::is_used(std::uint32_t process) const {
  return !retired_.contains(process) && load(file_->process(process).ready) != 0;
}

void PreloadSession::add_peaks(std::uint32_t index, lg_totals& totals) const {
  const Process& process = file_->process(index);
  const auto peak_blocks = static_cast<std::uint64_t>(process.peak_live_blocks);
  const auto peak_bytes = static_cast<std::uint64_t>(process.peak_live_bytes);
  totals.peak_live_blocks = std::max<std::uint64_t>(totals.peak_live_blocks, peak_blocks);
  totals.peak_live_bytes = std::max<std::uint64_t>(totals.peak_live_bytes, peak_bytes);
  totals.unknown_frees += process.unknown_frees;
}

lg_totals PreloadSession::totals() const {
  lg_totals totals = retired_totals_;
  totals.processes = images();
  for (const std::uint32_t index : active_) {
    const Process& process = file_->process(index);
    totals.live_blocks += static_cast<std::uint64_t>(std::max<std::int64_t>(process.live_blocks, 0));
    totals.live_bytes += static_cast<std::uint64_t>(std::max<std::int64_t>(process.live_bytes, 0));
    if (all_stacks_ && is_used(index)) stacks_.add_all(index);
    add_peaks(index, totals);
  }
  // room is made for so many: the counters may be overwritten, but each block takes memory
  totals.live_blocks = std::min<std::uint64_t>(totals.live_blocks, file_->written_bytes() / sizeof(lg_live));
  totals.stacks = stacks_.count();
  return totals;
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
  std::uint64_t failed = patches_.refused() + retired_patches_failed_;
  for (const std::uint32_t index : active_)
    if (is_used(index)) failed += file_->get<preload::Region>(index, 0).patches_failed;
  std::uint64_t unloaded = expected_ns_.size();
  if (!executed_ns_.contains(root_pid_) && !expected_ns_.contains(root_pid_)) ++unloaded;
  return {{"end_unseen", unknown_ends_},
          {"not_preloaded", unloaded},
          {"not_mapped", file_->header().not_mapped},
          {"detour_refused", failed},
          {"ledger_damaged", damages()}};
}

std::uint64_t PreloadSession::damages() const {
  return damaged_records_ + damaged_.size() + stacks_.damaged() + (seal_.is_intact(file_->header()) ? 0 : 1);
}

void PreloadSession::check_counts(std::uint32_t process, const lg_proc& figures, std::uint64_t blocks) {
  const std::uint32_t threads = std::min(load(file_->process(process).threads), preload::kMaxThreads);
  if (figures.index != process || !do_counts_fit(figures.allocations, figures.frees, blocks, threads))
    damaged_.insert(process);
}

Result<lg_proc> PreloadSession::process(std::uint32_t index) const {
  if (const auto retired = retired_.find(index); retired != retired_.end()) return retired->second;
  if (index > max_processes_ || !is_used(index))
    return Error{ErrorKind::not_found, "no such process image", "", 0};
  return sum_up(*file_, index);
}

bool PreloadSession::visit_region(std::uint32_t process,
                                  const std::function<bool(const lg_live_key&, const lg_live&)>& visit) {
  using preload::LiveBucket;
  const auto read_bounds = [&] {
    return LedgerBounds{file_->get<preload::Region>(process, 0).stacks,
                        file_->process(process).figures.last_test};
  };
  LedgerBounds bounds = read_bounds();
  return file_->visit_written(
      process, preload::kLiveAt, preload::kLiveBytes, [&](std::uint64_t offset, std::span<std::byte> bytes) {
        for (std::size_t at = 0; at + sizeof(LiveBucket) <= bytes.size(); at += sizeof(LiveBucket)) {
          const auto& bucket = *reinterpret_cast<const LiveBucket*>(bytes.data() + at);
          for (std::size_t slot = 0; slot < LG_LIVE_SLOTS; ++slot) {
            const std::uint64_t name = bucket.names[slot];
            if (name == 0 || name == LG_LIVE_CLAIMED) continue;
            lg_live block = bucket.blocks[slot];
            // other threads may run, and have made new stacks and windows since
            if (!is_possible(name, block, bounds) && !is_possible(name, block, bounds = read_bounds())) {
              damaged_.insert(process);
              continue;
            }
            block.stack = stacks_.id(process, block.stack);
            if (visit({name, process, 0}, block))
              file_->put(process, offset + at + slot * 8, std::uint64_t{0});
          }
        }
      });
}

Status PreloadSession::visit_live(const std::function<bool(const lg_live_key&, const lg_live&)>& visit) {
  for (auto& [process, blocks] : kept_)
    std::erase_if(blocks, [&](const Block& block) { return visit(block.first, block.second); });
  for (const std::uint32_t index : active_)
    if (is_used(index) && !visit_region(index, visit)) unreadable_ = true;
  const std::uint32_t canary = max_processes_;
  if (is_used(canary) && !visit_region(canary, visit)) unreadable_ = true;
  if (unreadable_) return Error{ErrorKind::io, "the ledger could not be read whole", "", 0};
  return {};
}

void PreloadSession::retire(std::uint32_t process) {
  if (process >= max_processes_ || retired_.contains(process)) return;
  if (!is_used(process)) damaged_.insert(process);  // it was, or nobody would have told of it
  // those that freed are of use to those that leaked, up to where SessionTracer reads them
  const std::uint32_t stacks = file_->get<preload::Region>(process, 0).stacks;
  if (all_stacks_ || stacks_.count() + stacks <= preload::kMostStacksForHints) stacks_.add_all(process);
  std::vector<Block>& blocks = kept_[process];
  const bool whole = visit_region(process, [&](const lg_live_key& key, const lg_live& block) {
    blocks.emplace_back(key, block);
    return false;
  });
  unreadable_ = unreadable_ || !whole;
  stacks_.keep(process);
  retired_patches_failed_ += file_->get<preload::Region>(process, 0).patches_failed;
  const auto figures = retired_.emplace(process, sum_up(*file_, process)).first;
  check_counts(process, figures->second, blocks.size());
  add_peaks(process, retired_totals_);
  active_.erase(process);
  patches_.end(process);
  file_->drop(process);
}

}  // namespace leakgate::capture
