// SPDX-License-Identifier: Apache-2.0
// One order for every backend: probes stand before the target's first instruction, control records are
// handled as they come, and the ledger is read when a process has ended.
#include "harness/capture/session_tracer.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "harness/base/clock.h"
#include "harness/capture/bpf_session.h"
#include "harness/capture/untold_images.h"

namespace leakgate::capture {
namespace {

constexpr const char* kLossNames[] = {
#define X(cause) #cause,
    LG_LOSS_LIST(X)
#undef X
};

std::string read_link(const std::string& path) {
  char target[4096];
  const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
  return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : std::string();
}

void add_block(model::TraceOutstanding& sum, const lg_live& block, std::uint64_t time_ns) {
  sum.min_block_bytes = sum.blocks ? std::min<std::uint64_t>(sum.min_block_bytes, block.size) : block.size;
  sum.max_block_bytes = std::max<std::uint64_t>(sum.max_block_bytes, block.size);
  sum.first_ns = sum.blocks ? std::min(sum.first_ns, time_ns) : time_ns;
  sum.last_ns = std::max(sum.last_ns, time_ns);
  sum.births.add(time_ns);
  ++sum.blocks;
  sum.bytes += block.size;
}

}  // namespace

Status SessionTracer::start(const TracedTarget& target, TracerHooks hooks) {
  start_ns_ = monotonic_ns();
  auto session = open_(options_, target);
  if (!session) return std::move(session).error();
  session_ = std::move(*session);
  tables_ = std::make_unique<MappingTables>(*session_);
  log_ = std::make_unique<TraceLog>(target.pid);
  if (options_.unwind == UnwindMode::automatic && session_->unwind() != UnwindMode::eh_frame)
    problems_.emplace_back(
        "this kernel refused the .eh_frame walk: stacks follow frame pointers and miss callers");
  modules_ =
      std::make_unique<ModuleTable>(*session_, std::move(hooks.find_marks), std::move(hooks.module_seen),
                                    session_->unwind(), options_.cache_directory);
  root_pid_ = target.pid;
  canary_pid_ = target.canary_pid;
  classify_ = hooks.classify;
  if (session_->sees_static_programs()) open_gate();
  if (auto watched = watch_events(); !watched) return watched;
  moments_ = std::make_unique<MomentKeeper>(
      *session_, *modules_, std::move(hooks.classify),
      [this](const auto& question, const model::MomentFindings* findings) { tell_asker(question, findings); },
      start_ns_);
  moments_->tell_frames_to(std::move(hooks.frame_seen));
  answer_ = std::move(hooks.answer);
  auto heart = Heart::start(*session_, HeldThreads::take_note_of_ended);
  if (!heart) return std::move(heart).error();
  heart_ = std::move(*heart);
  if (auto attached = session_->attach_tracepoints(); !attached) return attached;
  for (auto& added : modules_->add_all(target.objects)) {
    if (added) continue;
    if (added.error().kind == ErrorKind::permission) return std::move(added).error();
    problems_.push_back(added.error().message);
  }
  if (modules_->allocation_probes() == 0)
    return Error{ErrorKind::unsupported,
                 problems_.empty() ? "no allocation function was found to probe"
                                   : "no allocation function was found to probe: " + problems_.front(),
                 "`leakgate doctor` tells which C library was looked at", 0};
  return {};
}

void SessionTracer::open_gate() {
  // A gate that cannot be had is done without: then static programs are counted when they are late.
  if (auto gate = ExecGate::open(); gate) gate_ = std::move(*gate);
}

Status SessionTracer::watch_events() {
  events_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!events_) return system_error(ErrorKind::io, "cannot make an epoll descriptor", errno);
  for (const int fd : {session_->event_descriptor(), gate_ ? gate_->event_descriptor() : -1}) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (fd >= 0 && ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
      return system_error(ErrorKind::io, "cannot watch for events", errno);
  }
  return {};
}

Status SessionTracer::poll() {
  // Not before the command's own exec is over, which nobody could have answered for; it waits for its modules
  // to be examined, below, before it can execute anything.
  if (gate_ && !gate_armed_) {
    gate_armed_ = true;
    if (!gate_->arm(root_pid_)) {
      ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, gate_->event_descriptor(), nullptr);
      gate_.reset();
    }
  }
  if (gate_)
    gate_->serve([this](const std::string& open_path) {
      // scripts and the like are no ELF files, which is no problem
      (void)modules_->add(open_path, read_link(open_path));
    });
  moments_->release_lingering();
  if (canary_) canary_->release();
  if (session_->asker_sleeps())
    return session_->drain_records([this](const lg_record& record, std::size_t size) { take(record, size); });
  return take_by_batches();
}

/// What has come meanwhile at once, so that processes that wait at their ends need not wait in turns.
Status SessionTracer::take_by_batches() {
  for (;;) {
    std::vector<std::vector<std::byte>> batch;
    auto drained = session_->drain_records([&](const lg_record& record, std::size_t size) {
      const auto* const bytes = reinterpret_cast<const std::byte*>(&record);
      batch.emplace_back(bytes, bytes + size);
    });
    if (!drained || batch.empty()) return drained;
    const auto record_of = [](const std::vector<std::byte>& bytes) -> const lg_record& {
      return *reinterpret_cast<const lg_record*>(bytes.data());
    };
    for (const auto& bytes : batch) {
      const lg_record& record = record_of(bytes);
      if (record.type == LG_REC_MOMENT && bytes.size() >= sizeof(lg_record_moment) &&
          record.proc < options_.max_processes)
        moments_->stop_ahead(reinterpret_cast<const lg_record_moment&>(record));
    }
    for (const auto& bytes : batch)
      take(record_of(bytes), bytes.size());
  }
}

void SessionTracer::take(const lg_record& record, std::size_t size) {
  if (canary_ && canary_->take(record, size)) return;
  log_->take(record, size);
  if (record.type == LG_REC_FORK && size >= sizeof(lg_record_fork)) {
    const std::uint32_t child = reinterpret_cast<const lg_record_fork&>(record).child;
    tables_->fork(record.proc, child);
    moments_->inherited().fork(record.proc, child, record.time_ns);
  }
  if (record.type == LG_REC_EXIT) {
    tables_->end(record.proc);
    moments_->inherited().end(record.proc);
  }
  if (record.type == LG_REC_EXEC && size >= sizeof(lg_record_exec)) {
    const auto& exec = reinterpret_cast<const lg_record_exec&>(record);
    if (exec.same_process) {
      tables_->end(exec.replaced);
      moments_->inherited().end(exec.replaced);
      session_->retire(exec.replaced);
    }
    if (exec.is_static) examine_static(exec);
  }
  if (record.type == LG_REC_EXAMINE) examine(record.proc);
  if (record.type == LG_REC_MOMENT && size >= sizeof(lg_record_moment))
    moments_->take(reinterpret_cast<const lg_record_moment&>(record), log_->image(record.proc).pid);
  if (record.type == LG_REC_GROW) {
    if (auto grown = session_->grow(); !grown) problems_.push_back(grown.error().message);
  }
  if (record.type == LG_REC_EXIT) {
    note_unseen_end(record.proc);
    session_->retire(record.proc);
  }
  if (record.type == LG_REC_EXIT && session_->totals().live_blocks > collect_at_blocks_) {
    if (auto collected = collect(false); !collected) problems_.push_back(collected.error().message);
    collect_at_blocks_ = std::max<std::uint64_t>(1u << 18, session_->totals().live_blocks * 2);
  }
}

/// A process that ended by itself and left blocks behind, and was not looked at: what it held may have been
/// lost since anybody looked last.
void SessionTracer::note_unseen_end(std::uint32_t proc) {
  const auto process = session_->process(proc);
  const model::ExitState& exit = log_->image(proc).exit;
  if (options_.moments == Moments::none || !process || exit.signal) return;
  if ((process->flags & LG_PROC_DEATH_TEST) != 0 || moments_->is_settled(proc)) return;
  // the kernel side sees every end, and tells of those at which there is something to look at
  const bool unseen = session_->asker_sleeps() || moments_->has_missed_end(proc);
  if (unseen && process->allocations > process->frees) ++unseen_ends_;
}

void SessionTracer::examine_static(const lg_record_exec& exec) {
  model::TraceProcess& image = log_->image(exec.head.proc);
  image.examined = true;  // here and now
  const std::string path = image.exe;
  auto id = modules_->add(fmt::format("/proc/{}/exe", exec.pid), path);
  if (!id) id = modules_->add(path, path);  // it may have ended already
  if (id && modules_->probed_ns(*id) <= exec.head.time_ns) return;
  ++static_late_;
  problems_.push_back(fmt::format("{} is statically linked and was not known before it ran", path));
}

void SessionTracer::examine(std::uint32_t proc) {
  auto process = session_->process(proc);
  if (!process) return;
  const std::int32_t task = task_with_memory(static_cast<std::int32_t>(process->pid));
  model::TraceProcess& image = log_->image(proc);
  image.examined = true;
  std::vector<lg_mapping> rows;
  if (auto maps = read_maps(task); maps) {
    const auto ids = modules_->add_mappings(task, *maps);
    for (std::size_t i = 0; i < maps->size(); ++i) {
      const FileMapping& mapping = (*maps)[i];
      const auto& id = ids[i];
      if (!id) continue;
      for (const std::uint64_t word : modules_->presence_words(*id))
        write_presence(task, modules_->bias(*id, mapping) + word);
      if (rows.size() < LG_MAX_MAPPINGS) {
        rows.push_back({mapping.start, mapping.end, modules_->bias(*id, mapping), *id, 0});
      } else if (unmapped_++ == 0) {
        problems_.push_back(
            fmt::format("process {} maps more than {} pieces of code", process->pid, int{LG_MAX_MAPPINGS}));
      }
      if (modules_->framework(*id) != model::Framework::none) image.framework = modules_->framework(*id);
      if (mapping.path == image.exe || &mapping == &maps->front())
        image.stripped = modules_->modules()[*id].stripped;
    }
    // exec's own name for the file may be a link such as /proc/self/exe
    if (const std::string exe = read_link(fmt::format("/proc/{}/exe", task)); !exe.empty()) image.exe = exe;
    if ((process->flags & LG_PROC_LATE) != 0 && image.framework != model::Framework::none) ++examined_late_;
  }
  // gone before anybody looked, after waiting for it in vain: what it was is not known
  if (rows.empty() && process->vain_holds > 0) ++examined_late_;
  if (auto stored = tables_->set(proc, rows); !stored && unmapped_++ == 0)
    problems_.push_back(stored.error().message);
  session_->set_examined(proc);
}

Status SessionTracer::collect(bool everything) {
  return session_->visit_live([&](const lg_live_key& key, const lg_live& block) {
    if (key.proc == options_.max_processes) return false;  // the canary's
    const bool ended = log_->known(key.proc) && log_->image(key.proc).end != model::ImageEnd::running;
    if (!ended && !everything) return false;
    if (moments_->is_settled(key.proc) || (block.tid & LG_LIVE_IGNORED) != 0) return !everything;
    const model::Kind kind = moments_->last_kind(key, block);
    model::TraceOutstanding& sum = sums_[{key.proc, block.test, block.stack, kind}];
    sum.kind = kind;
    sum.process = key.proc;
    sum.window = block.test;
    sum.stack = block.stack;
    add_block(sum, block, start_ns_ + std::uint64_t{block.time_ms} * 1'000'000u);
    return !everything;
  });
}

void SessionTracer::read_processes() {
  const std::uint32_t count = std::min(session_->totals().processes, options_.max_processes);
  for (std::uint32_t index = 0; index < count; ++index) {
    auto process = session_->process(index);
    if (!process) continue;
    model::TraceProcess& image = log_->image(index);
    image.pid = static_cast<std::int32_t>(process->pid);
    image.allocations = process->allocations;
    image.frees = process->frees;
    image.bytes = process->bytes;
    image.outside_allocations = process->outside_allocations;
    image.outside_bytes = process->outside_bytes;
    image.peak_bytes = process->test_peak_bytes;
    if ((process->flags & LG_PROC_LINKING) != 0) image.examined = true;
    image.tests_due = process->tests_due != 0 && process->test_skipped == 0;
    if (process->test_root != 0) log_->fill_open_window(index, *process);
  }
}

void SessionTracer::tell_asker(const lg_record_moment& question, const model::MomentFindings* findings) {
  model::Trace trace;
  if (findings != nullptr && question.question == LG_ASK_SNAPSHOT) {
    write_answer(question, figures_alone(*findings));
    return;
  }
  if (findings != nullptr && answer_) {
    trace.end_ns = monotonic_ns();
    trace.modules = modules_->modules();
    trace.processes.push_back(log_->image(question.head.proc));
    log_->describe_part(question.head.proc, question.window, trace);
    if (auto filled = fill_question(question, *findings, *session_, trace); filled) {
      write_answer(question, answer_(trace));
      return;
    }
  }
  write_unknown(question);
}

std::vector<std::int32_t> SessionTracer::running() const {
  std::vector<std::int32_t> pids = log_->running();
  const std::vector<std::int32_t> starting = session_->starting();
  pids.insert(pids.end(), starting.begin(), starting.end());
  return pids;
}

void SessionTracer::note_moments(model::Trace& trace) {
  for (const auto& [reason, times] : moments_->failures())
    trace.tracer.notes.push_back(
        times == 1 ? fmt::format("a process could not be held at a judged moment, so its blocks stay "
                                 "unclassified: {}",
                                 reason)
                   : fmt::format("processes could not be held at {} judged moments, so their blocks stay "
                                 "unclassified: {}",
                                 times, reason));
  if (moments_->passed_over() != 0)
    trace.tracer.notes.push_back(
        fmt::format("{} of {} ends of tests with outstanding blocks were not looked at, so as not to slow "
                    "the run: a block lost "
                    "there is found lost at a later one",
                    moments_->passed_over(), moments_->moments()));
  for (model::TraceWindow& window : trace.windows) {
    const auto held = moments_->held_ns_by_window().find({window.process, window.number});
    if (held != moments_->held_ns_by_window().end()) window.held_ns = held->second;
  }
  trace.tracer.held_ns = moments_->held_ns();
}

void SessionTracer::expect_canary() {
  (void)collect(false);  // makes room
  canary_ =
      std::make_unique<CanaryWatch>(*session_, *modules_, *tables_, canary_pid_, options_.max_processes,
                                    MomentKeeper(*session_, *modules_, classify_, TellAsker(), start_ns_));
}

Result<model::Trace> SessionTracer::finish() {
  gate_.reset();
  session_->detach(!running().empty(), modules_->probes_shared_files());
  if (auto polled = poll(); !polled) return std::move(polled).error();
  model::Trace trace;
  trace.end_ns = monotonic_ns();
  read_processes();
  if (auto collected = collect(true); !collected) return std::move(collected).error();
  trace.modules = modules_->modules();
  for (auto& [key, sum] : sums_)
    trace.outstanding.push_back(sum);
  trace.outstanding.insert(trace.outstanding.end(), moments_->groups().begin(), moments_->groups().end());
  const lg_totals totals = canary_ ? canary_->totals_before() : session_->totals();
  // so that those that leak can be compared with those that free
  const bool read_all = options_.all_stacks || totals.stacks <= LG_HINT_STACKS;
  if (auto read = read_stacks(*session_, read_all ? totals.stacks : 0, trace); !read)
    return std::move(read).error();
  trace.processes = std::move(log_->processes());
  trace.windows = std::move(log_->windows());
  trace.scopes = std::move(log_->scopes());

  model::TracerInfo& tracer = trace.tracer;
  utsname system{};
  uname(&system);
  tracer.backend = session_->backend();
  tracer.kernel = system.release;
  tracer.unwinder = session_->unwind() == UnwindMode::none            ? "none"
                    : session_->unwind() == UnwindMode::frame_pointer ? "frame_pointer"
                                                                      : "eh_frame";
  for (const model::TraceProcess& process : trace.processes) {
    tracer.allocations += process.allocations;
    tracer.frees += process.frees;
  }
  // what the canary found no room for is its own affair, where nobody else could have asked for it
  const auto lost = canary_ && running().empty() ? canary_->lost_before() : session_->lost();
  for (std::size_t i = 0; i < std::size(kLossNames); ++i)
    tracer.lost[kLossNames[i]] = lost[i];
  tracer.lost["examined_late"] += examined_late_;
  tracer.lost["static_late"] = static_late_;
  if (session_->asker_sleeps() || unseen_ends_ != 0) tracer.lost["end_unseen"] = unseen_ends_;
  tracer.lost["mapping_table_full"] = unmapped_;
  tracer.lost["probe_refused"] = modules_->refused_probes();
  for (const auto& [cause, count] : session_->own_losses())
    tracer.lost[cause] += count;
  tracer.peak_live_blocks = totals.peak_live_blocks;
  tracer.peak_live_bytes = totals.peak_live_bytes;
  tracer.notes = problems_;
  if (totals.left_out != 0)
    tracer.notes.push_back(fmt::format(
        "of {} blocks that were freed after a fork nothing could be kept for want of room: what they hold in "
        "forked children may be told lost, and what children freed of them may seem to hold",
        totals.left_out));
  note_moments(trace);
  tell_truncated(canary_ ? canary_->truncated_before() : session_->truncated(), tracer);
  tracer.notes.insert(tracer.notes.end(), modules_->notes().begin(), modules_->notes().end());
  const std::vector<std::string> own = session_->notes();
  tracer.notes.insert(tracer.notes.end(), own.begin(), own.end());
  drop_untold_images(trace);
  return trace;
}

Result<std::unique_ptr<HeapTracer>> make_ebpf_tracer(const TracerOptions& options) {
  const OpenSession open = [](const TracerOptions& given,
                              const TracedTarget& target) -> Result<std::unique_ptr<Session>> {
    auto session = BpfSession::open(given, target);
    if (!session) return std::move(session).error();
    return std::unique_ptr<Session>(std::move(*session));
  };
  return std::unique_ptr<HeapTracer>(
      std::make_unique<SessionTracer>(options, open, std::vector<std::string>()));
}

}  // namespace leakgate::capture
