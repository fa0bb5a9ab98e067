// SPDX-License-Identifier: Apache-2.0
// libbpf behind BpfSession: open, size, load, attach, read. See bpf/maps.bpf.h for what the maps hold.
#include "harness/capture/bpf_session.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>

#include "harness/base/clock.h"
#include "harness/base/descriptor.h"
#include "harness/capture/code_lock.h"
#include "harness/capture/link_closer.h"
#include "harness/capture/live_table.h"
#include "harness/capture/row_store.h"
#include "leakgate.skel.h"

#ifdef __clang__
// LIBBPF_OPTS is made of statement expressions and compound literals
#pragma clang diagnostic ignored "-Wgnu-statement-expression"
#pragma clang diagnostic ignored "-Wc99-extensions"
#endif

namespace leakgate::capture {
namespace {

std::string& libbpf_log() {
  static std::string log;
  return log;
}

int keep_log(enum libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[1024];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  std::string& log = libbpf_log();
  if (length > 0 && log.size() < 65536) log += line;
  return length;
}

/// The last line libbpf said, for messages.
std::string last_words() {
  std::string log = libbpf_log();
  while (!log.empty() && log.back() == '\n')
    log.pop_back();
  const auto end = log.rfind('\n');
  return end == std::string::npos ? log : log.substr(end + 1);
}

Error bpf_error(std::string_view what, int negative_errno) {
  return map_error(what, negative_errno, last_words());
}

/// Length of the kernel's timer tick.
std::uint32_t tick_us() {
  timespec length{};
  clock_getres(CLOCK_MONOTONIC_COARSE, &length);
  return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(length.tv_nsec / 1000));
}

struct Processors {
  std::uint32_t only = ~0u;  ///< the one that this process may run on; ~0: there are several
  std::uint32_t count = std::numeric_limits<std::uint32_t>::max();
};

Processors own_processors() {
  Processors own;
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return own;
  own.count = static_cast<std::uint32_t>(CPU_COUNT(&allowed));
  for (std::uint32_t number = 0; number < CPU_SETSIZE && own.count == 1; ++number)
    if (CPU_ISSET(number, &allowed)) own.only = number;
  return own;
}

/// Has the kernel side see in which pid namespace we are, a container's for example; a negative errno when
/// that fails.
int learn_pid_namespace(const leakgate_bpf& skeleton) {
  LIBBPF_OPTS(bpf_test_run_opts, options);
  return bpf_prog_test_run_opts(bpf_program__fd(skeleton.progs.learn_pid_namespace), &options);
}

/// Kernels from 6.6 on attach a program at many places with one link.
bool kernel_has_multi_links() {
  utsname system{};
  int major = 0;
  int minor = 0;
  if (uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2) return true;
  return major > 6 || (major == 6 && minor >= 6);
}

}  // namespace

struct BpfSession::State {
  leakgate_bpf* skeleton = nullptr;
  ring_buffer* ring = nullptr;
  std::vector<bpf_link*> links;
  std::optional<LiveTable> live;
  std::optional<StackTable> stacks;
  std::optional<RowStore> rows;
  UnwindMode unwind = UnwindMode::eh_frame;
  bool single_links = false;
  pid_t closer = -1;  ///< to be waited for; see detach()
  const std::function<void(const lg_record&, std::size_t)>* handler = nullptr;
  std::optional<TierThread> growth;

  ~State() {
    growth.reset();  // it writes into the skeleton's memory
    close_behind(links);
    if (closer > 0) wait_for_closer(closer);
    ring_buffer__free(ring);
    leakgate_bpf__destroy(skeleton);
  }
};

BpfSession::BpfSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
BpfSession::~BpfSession() = default;

/// Opens, sizes and loads the programs; a negative errno when that fails.
int BpfSession::load(State& state, const TracerOptions& options, const TracedTarget& target,
                     UnwindMode unwind) {
  libbpf_log().clear();
  leakgate_bpf__destroy(state.skeleton);
  state.skeleton = leakgate_bpf__open();
  if (!state.skeleton) return -errno;
  leakgate_bpf& skeleton = *state.skeleton;
  skeleton.rodata->cfg_start_ns = monotonic_ns();
  skeleton.rodata->cfg_tick_us = tick_us();
  const Processors processors = own_processors();
  skeleton.rodata->cfg_only_processor = processors.only;
  skeleton.rodata->cfg_processors = processors.count;
  skeleton.rodata->cfg_root_pid = static_cast<std::uint32_t>(target.pid);
  skeleton.rodata->cfg_canary_pid = static_cast<std::uint32_t>(target.canary_pid);
  skeleton.rodata->cfg_max_processes = options.max_processes;
  skeleton.rodata->cfg_max_threads = options.max_threads;
  skeleton.rodata->cfg_max_stacks = options.max_stacks;
  skeleton.rodata->cfg_unwind = unwind == UnwindMode::none            ? 0u
                                : unwind == UnwindMode::frame_pointer ? 1u
                                                                      : 2u;
  skeleton.rodata->cfg_moments = static_cast<std::uint32_t>(options.moments);
  skeleton.bss->user_beat_ns = monotonic_ns();
  const std::uint32_t process_room = options.max_processes + 1;  // the canary's place
  bpf_map__set_max_entries(skeleton.maps.processes, process_room);
  bpf_map__set_max_entries(skeleton.maps.examined, process_room);
  bpf_map__set_max_entries(skeleton.maps.answered, process_room);
  bpf_map__set_max_entries(skeleton.maps.mapping_tables, process_room);
  bpf_map__set_max_entries(skeleton.maps.records, options.ring_bytes);
  skeleton.rodata->cfg_wake_bytes = options.ring_bytes / 8;
  skeleton.rodata->cfg_max_live_blocks = options.max_live_blocks;
  skeleton.rodata->cfg_max_stacks = options.max_stacks;
  skeleton.bss->live_tier_count = 1;
  skeleton.bss->stack_tier_count = 1;
  skeleton.bss->node_tier_count = 1;
  state.unwind = unwind;
  state.single_links = options.links == LinkMode::single ||
                       (options.links == LinkMode::automatic && !kernel_has_multi_links());
  if (state.single_links)  // a program is loaded for the one kind of link or for the other
    for (bpf_program* program :
         {skeleton.progs.alloc_enter, skeleton.progs.alloc_exit, skeleton.progs.free_enter,
          skeleton.progs.operator_enter, skeleton.progs.operator_return, skeleton.progs.mark_hit,
          skeleton.progs.link_map_changed, skeleton.progs.exit_called, skeleton.progs.exit_hit,
          skeleton.progs.query_hit})
      bpf_program__set_expected_attach_type(program, static_cast<bpf_attach_type>(0));
  if (const int error = leakgate_bpf__load(&skeleton)) return error;
  return learn_pid_namespace(skeleton);
}

Result<std::unique_ptr<BpfSession>> BpfSession::open(const TracerOptions& options,
                                                     const TracedTarget& target) {
  libbpf_set_print(keep_log);
  auto state = std::make_unique<State>();
  const bool automatic = options.unwind == UnwindMode::automatic;
  int error = load(*state, options, target, automatic ? UnwindMode::eh_frame : options.unwind);
  // The verifier of another kernel may refuse the walk, with any of several codes; it never sees the walk
  // when the setting rules it out. Without privileges a second attempt fails like the first.
  if (error && error != -EPERM && automatic) error = load(*state, options, target, UnwindMode::frame_pointer);
  if (error) return bpf_error("cannot load the eBPF programs", error);
  leakgate_bpf& skeleton = *state->skeleton;

  state->ring = ring_buffer__new(
      bpf_map__fd(skeleton.maps.records),
      [](void* context, void* data, std::size_t size) {
        auto* self = static_cast<State*>(context);
        if (self->handler && size >= sizeof(lg_record))
          (*self->handler)(*static_cast<lg_record*>(data), size);
        return 0;
      },
      state.get(), nullptr);
  if (!state->ring) return bpf_error("cannot map the ring buffer", -errno);
  if (auto opened = open_tables(*state); !opened) return std::move(opened).error();
  return std::unique_ptr<BpfSession>(new BpfSession(std::move(state)));
}

Status BpfSession::open_tables(State& state) {
  const auto& maps = state.skeleton->maps;
  auto live = LiveTable::open(bpf_map__fd(maps.live_first), bpf_map__fd(maps.live_tiers));
  if (!live) return std::move(live).error();
  auto stacks = StackTable::open({bpf_map__fd(maps.stacks_first), bpf_map__fd(maps.stack_tiers),
                                  bpf_map__fd(maps.nodes_first), bpf_map__fd(maps.node_tiers)});
  if (!stacks) return std::move(stacks).error();
  auto rows =
      RowStore::open(bpf_map__fd(maps.rows_first), bpf_map__fd(maps.row_chunks), bpf_map__fd(maps.modules));
  if (!rows) return std::move(rows).error();
  state.live.emplace(std::move(*live));
  state.stacks.emplace(std::move(*stacks));
  state.rows.emplace(std::move(*rows));
  return {};
}

Status BpfSession::attach_tracepoints() {
  leakgate_bpf& skeleton = *state_->skeleton;
  for (bpf_program* program : {skeleton.progs.on_fork, skeleton.progs.on_exec, skeleton.progs.on_exit}) {
    bpf_link* link = bpf_program__attach(program);
    if (!link) return bpf_error("cannot attach the process tracepoints", -errno);
    state_->links.push_back(link);
  }
  return {};
}

Status BpfSession::attach(ProbeProgram program, const std::string& path, std::span<const ProbeSite> sites) {
  if (sites.empty()) return {};
  if (is_code_locked(path))
    return Error{
        ErrorKind::unsupported,
        "another leakgate traces programs with this file by --backend preload; probes would crash them",
        "wait until that run is over, or use --backend preload for both", 0};
  leakgate_bpf& skeleton = *state_->skeleton;
  const bpf_program* handle = nullptr;
  switch (program) {
    case ProbeProgram::alloc_enter:
      handle = skeleton.progs.alloc_enter;
      break;
    case ProbeProgram::alloc_exit:
      handle = skeleton.progs.alloc_exit;
      break;
    case ProbeProgram::free_enter:
      handle = skeleton.progs.free_enter;
      break;
    case ProbeProgram::operator_enter:
      handle = skeleton.progs.operator_enter;
      break;
    case ProbeProgram::operator_return:
      handle = skeleton.progs.operator_return;
      break;
    case ProbeProgram::mark_hit:
      handle = skeleton.progs.mark_hit;
      break;
    case ProbeProgram::link_map_changed:
      handle = skeleton.progs.link_map_changed;
      break;
    case ProbeProgram::exit_called:
      handle = skeleton.progs.exit_called;
      break;
    case ProbeProgram::exit_hit:
      handle = skeleton.progs.exit_hit;
      break;
    case ProbeProgram::query_hit:
      handle = skeleton.progs.query_hit;
      break;
  }
  if (state_->single_links) return attach_each(handle, path, sites, program == ProbeProgram::alloc_exit);
  std::vector<unsigned long> offsets;
  std::vector<unsigned long> counters;
  std::vector<__u64> cookies;
  for (const ProbeSite& site : sites) {
    offsets.push_back(site.file_offset);
    counters.push_back(site.counter_offset);
    cookies.push_back(site.cookie);
  }
  LIBBPF_OPTS(bpf_uprobe_multi_opts, options);
  options.offsets = offsets.data();
  options.cookies = cookies.data();
  if (std::any_of(counters.begin(), counters.end(), [](unsigned long offset) { return offset != 0; }))
    options.ref_ctr_offsets = counters.data();
  options.cnt = offsets.size();
  options.retprobe = program == ProbeProgram::alloc_exit;
  bpf_link* link = bpf_program__attach_uprobe_multi(handle, -1, path.c_str(), nullptr, &options);
  if (!link) return bpf_error("cannot place probes in " + path, -errno);
  state_->links.push_back(link);
  return {};
}

void BpfSession::detach(bool anyone_left, bool shared) {
  if (anyone_left) return close_and_wait(state_->links);
  const pid_t closer = close_behind(state_->links);
  if (shared) state_->closer = closer;
}

Status BpfSession::attach_each(const bpf_program* program, const std::string& path,
                               std::span<const ProbeSite> sites, bool at_return) {
  for (const ProbeSite& site : sites) {
    LIBBPF_OPTS(bpf_uprobe_opts, options);
    options.bpf_cookie = site.cookie;
    options.retprobe = at_return;
    options.ref_ctr_offset = site.counter_offset;
    bpf_link* link = bpf_program__attach_uprobe_opts(program, -1, path.c_str(), site.file_offset, &options);
    if (!link) return bpf_error("cannot place a probe in " + path, -errno);
    state_->links.push_back(link);
  }
  return {};
}

std::size_t BpfSession::link_count() const {
  return state_->links.size();
}

int BpfSession::event_descriptor() const {
  return ring_buffer__epoll_fd(state_->ring);
}

Status BpfSession::drain_records(const std::function<void(const lg_record&, std::size_t)>& handle) {
  state_->skeleton->bss->user_space_absent = 0;
  state_->handler = &handle;
  const int consumed = ring_buffer__consume(state_->ring);
  state_->handler = nullptr;
  if (consumed < 0) return bpf_error("cannot read the ring buffer", consumed);
  return {};
}

Status BpfSession::add_module_rows(std::uint32_t module, const lg_module_info& info,
                                   std::span<const lg_row> rows, std::span<const std::uint32_t> pages) {
  return state_->rows->add(module, info, rows, pages);
}

Status BpfSession::add_mark(std::uint32_t id, const lg_mark& mark) {
  if (const int error = bpf_map_update_elem(bpf_map__fd(state_->skeleton->maps.marks), &id, &mark, BPF_ANY))
    return bpf_error("cannot store a test framework's mark", error);
  return {};
}

Status BpfSession::set_mappings(std::uint32_t process, std::uint32_t generation,
                                std::span<const lg_mapping> mappings) {
  const leakgate_bpf& skeleton = *state_->skeleton;
  for (std::uint32_t slot = 0; slot < mappings.size(); ++slot) {
    const lg_mapping_key key{generation, slot};
    if (const int error =
            bpf_map_update_elem(bpf_map__fd(skeleton.maps.mappings), &key, &mappings[slot], BPF_ANY))
      return bpf_error("cannot store a mapping", error);
  }
  const lg_mapping_table table{generation, static_cast<std::uint32_t>(mappings.size())};
  if (const int error =
          bpf_map_update_elem(bpf_map__fd(skeleton.maps.mapping_tables), &process, &table, BPF_ANY))
    return bpf_error("cannot store a mapping table", error);
  return {};
}

void BpfSession::drop_mappings(std::uint32_t generation, std::uint32_t count) {
  for (std::uint32_t slot = 0; slot < count; ++slot) {
    const lg_mapping_key key{generation, slot};
    bpf_map_delete_elem(bpf_map__fd(state_->skeleton->maps.mappings), &key);
  }
}

void BpfSession::set_examined(std::uint32_t process) {
  const std::uint32_t yes = 1;
  bpf_map_update_elem(bpf_map__fd(state_->skeleton->maps.examined), &process, &yes, BPF_ANY);
}

void BpfSession::beat() {
  __atomic_store_n(&state_->skeleton->bss->user_beat_ns, monotonic_ns(), __ATOMIC_RELAXED);
  __atomic_store_n(&state_->skeleton->bss->user_doubted_ns, 0, __ATOMIC_RELAXED);
}

void BpfSession::answer_moment(std::uint32_t process, std::uint32_t moment) {
  bpf_map_update_elem(bpf_map__fd(state_->skeleton->maps.answered), &process, &moment, BPF_ANY);
}

Result<std::vector<lg_thread_state>> BpfSession::threads(std::int32_t pid) const {
  bpf_iter_link_info info{};
  info.task.pid = static_cast<std::uint32_t>(pid);
  LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info, .link_info_len = sizeof info);
  bpf_link* link = bpf_program__attach_iter(state_->skeleton->progs.list_threads, &options);
  if (!link) return bpf_error("cannot list the threads of a process", -errno);
  const Descriptor file(bpf_iter_create(bpf_link__fd(link)));
  bpf_link__destroy(link);
  if (!file) return bpf_error("cannot list the threads of a process", -errno);
  std::vector<lg_thread_state> threads;
  std::array<lg_thread_state, 24> part;  // whole records: the kernel hands out what fits
  std::size_t have = 0;
  for (;;) {
    auto* at = reinterpret_cast<char*>(part.data());
    const ssize_t got = ::read(file.get(), at + have, sizeof part - have);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
    const std::size_t whole = have / sizeof part[0];
    threads.insert(threads.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(whole));
    have -= whole * sizeof part[0];
    std::memmove(at, at + whole * sizeof part[0], have);
  }
  return threads;
}

Status BpfSession::grow() {
  const lg_totals now = totals();
  LiveTable& live = *state_->live;
  StackTable& stacks = *state_->stacks;
  auto& counts = *state_->skeleton->bss;
  Status status;
  std::vector<TierUpdate> updates;
  const auto add = [&](Result<TierUpdate> update, std::uint32_t& count) {
    if (!update) {
      status = std::move(update).error();
      return;
    }
    update->count = &count;
    updates.push_back(std::move(*update));
  };
  if (now.grow_live_asked >= live.tiers()) add(live.add_tier(), counts.live_tier_count);
  if (now.grow_stacks_asked >= stacks.stack_tiers())
    add(stacks.add_stack_tiers(std::max<std::size_t>(1, stacks.stack_tiers())), counts.stack_tier_count);
  if (now.grow_nodes_asked >= stacks.node_tiers()) add(stacks.add_node_tier(), counts.node_tier_count);
  if (!state_->growth) state_->growth.emplace();
  Status before = state_->growth->start(std::move(updates));
  return status ? before : status;
}

UnwindMode BpfSession::unwind() const {
  return state_->unwind;
}

lg_totals BpfSession::totals() const {
  return state_->skeleton->bss->totals;
}

std::vector<std::uint64_t> BpfSession::lost() const {
  const auto& counters = state_->skeleton->bss->lost;
  return {std::begin(counters), std::end(counters)};
}

std::vector<std::uint64_t> BpfSession::truncated() const {
  const auto& counters = state_->skeleton->bss->truncated;
  return {std::begin(counters), std::end(counters)};
}

Result<lg_proc> BpfSession::process(std::uint32_t index) const {
  lg_proc process{};
  if (const int error = bpf_map_lookup_elem(bpf_map__fd(state_->skeleton->maps.processes), &index, &process))
    return bpf_error("cannot read a process", error);
  return process;
}

Result<StackRow> BpfSession::stack(std::uint32_t id) const {
  return state_->stacks->stack(id);
}

std::uint64_t BpfSession::stack_capacity() const {
  return state_->stacks->stack_capacity();
}

Status BpfSession::visit_live(
    const std::function<bool(const lg_live_key&, const lg_live&)>& visit_and_remove) {
  const LiveTable::Removed removed = state_->live->visit(visit_and_remove);
  __atomic_fetch_sub(&state_->skeleton->bss->totals.live_blocks, removed.blocks, __ATOMIC_RELAXED);
  __atomic_fetch_sub(&state_->skeleton->bss->totals.live_bytes, removed.bytes, __ATOMIC_RELAXED);
  return {};
}

void BpfSession::visit_left_by(std::uint32_t,
                               const std::function<bool(const lg_live_key&, const lg_live&)>& visit) {
  lg_totals& totals = state_->skeleton->bss->totals;
  if (__atomic_load_n(&totals.left_blocks, __ATOMIC_RELAXED) == 0) return;
  __atomic_fetch_sub(&totals.left_blocks, state_->live->visit_left(visit).blocks, __ATOMIC_RELAXED);
}

}  // namespace leakgate::capture
