// SPDX-License-Identifier: Apache-2.0
// libbpf behind BpfSession: open, size, load, attach, read. See bpf/maps.bpf.h for what the maps hold.
#include "harness/capture/bpf_session.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <thread>

#include "harness/base/descriptor.h"
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
  const int code = -negative_errno;
  const bool refused = code == EPERM || code == EACCES;
  Error error = system_error(refused ? ErrorKind::permission : ErrorKind::unsupported, what, code);
  if (const std::string words = last_words(); !words.empty()) error.message += " (" + words + ")";
  error.hint = refused
                   ? "run as root or with CAP_BPF and CAP_PERFMON; `leakgate doctor` tells what is missing"
                   : "`leakgate doctor` tells what this kernel supports";
  return error;
}

std::uint64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
}

/// Depth of our pid namespace: the number of ids the kernel lists for us.
std::uint32_t pid_namespace_level() {
  std::FILE* file = std::fopen("/proc/self/status", "re");
  if (!file) return 0;
  char line[512];
  std::uint32_t ids = 1;
  while (std::fgets(line, sizeof line, file)) {
    if (std::strncmp(line, "NSpid:", 6) != 0) continue;
    // the list starts at the reader's own procfs namespace; inside a container it has one entry
    ids = static_cast<std::uint32_t>(std::count(line, line + std::strlen(line), '\t'));
  }
  std::fclose(file);
  return ids > 0 ? ids - 1 : 0;
}

constexpr std::uint32_t kBatch = 4096;
constexpr std::size_t kFirstStackTiers = 4;  // 8,192 stacks

}  // namespace

struct BpfSession::State {
  leakgate_bpf* skeleton = nullptr;
  ring_buffer* ring = nullptr;
  std::vector<bpf_link*> links;
  std::vector<int> live_tiers;  ///< descriptors of the inner maps, oldest first
  std::vector<int> stack_tiers;
  std::vector<int> inner_maps;
  UnwindMode unwind = UnwindMode::eh_frame;
  std::uint64_t max_live_blocks = 0;
  std::uint32_t max_stack_tiers = LG_STACK_TIERS;
  const std::function<void(const lg_record&, std::size_t)>* handler = nullptr;

  ~State() {
    for (bpf_link* link : links)
      bpf_link__destroy(link);
    ring_buffer__free(ring);
    leakgate_bpf__destroy(skeleton);
    for (const auto* list : {&live_tiers, &stack_tiers, &inner_maps})
      for (const int fd : *list)
        ::close(fd);
  }
};

BpfSession::BpfSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
BpfSession::~BpfSession() = default;

/// Opens, sizes and loads the programs; a negative errno when that fails.
int BpfSession::load(State& state, const TracerOptions& options, std::int32_t root_pid, UnwindMode unwind) {
  libbpf_log().clear();
  leakgate_bpf__destroy(state.skeleton);
  state.skeleton = leakgate_bpf__open();
  if (!state.skeleton) return -errno;
  leakgate_bpf& skeleton = *state.skeleton;
  skeleton.rodata->cfg_start_ns = now_ns();
  skeleton.rodata->cfg_root_pid = static_cast<std::uint32_t>(root_pid);
  skeleton.rodata->cfg_pid_level = pid_namespace_level();
  skeleton.rodata->cfg_max_processes = options.max_processes;
  skeleton.rodata->cfg_unwind = unwind == UnwindMode::none            ? 0u
                                : unwind == UnwindMode::frame_pointer ? 1u
                                                                      : 2u;
  skeleton.rodata->cfg_moments = static_cast<std::uint32_t>(options.moments);
  skeleton.bss->user_beat_ns = now_ns();
  bpf_map__set_max_entries(skeleton.maps.processes, options.max_processes);
  bpf_map__set_max_entries(skeleton.maps.examined, options.max_processes);
  bpf_map__set_max_entries(skeleton.maps.answered, options.max_processes);
  bpf_map__set_max_entries(skeleton.maps.mapping_tables, options.max_processes);
  bpf_map__set_max_entries(skeleton.maps.records, options.ring_bytes);
  state.unwind = unwind;
  return leakgate_bpf__load(&skeleton);
}

Result<std::unique_ptr<BpfSession>> BpfSession::open(const TracerOptions& options, std::int32_t root_pid) {
  libbpf_set_print(keep_log);
  auto state = std::make_unique<State>();
  const bool automatic = options.unwind == UnwindMode::automatic;
  int error = load(*state, options, root_pid, automatic ? UnwindMode::eh_frame : options.unwind);
  // The verifier of another kernel may refuse the walk, with any of several codes; it never sees the walk
  // when the setting rules it out. Without privileges a second attempt fails like the first.
  if (error && error != -EPERM && automatic)
    error = load(*state, options, root_pid, UnwindMode::frame_pointer);
  if (error) return bpf_error("cannot load the eBPF programs", error);
  leakgate_bpf& skeleton = *state->skeleton;
  state->max_live_blocks = options.max_live_blocks;
  if (options.max_stacks)
    state->max_stack_tiers =
        std::clamp<std::uint32_t>(options.max_stacks / LG_STACKS_PER_TIER, 1, LG_STACK_TIERS);

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
  std::unique_ptr<BpfSession> session(new BpfSession(std::move(state)));
  if (auto added = session->add_live_tier(); !added) return std::move(added).error();
  if (auto added = session->add_stack_tiers(kFirstStackTiers); !added) return std::move(added).error();
  return session;
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
    case ProbeProgram::exit_hit:
      handle = skeleton.progs.exit_hit;
      break;
  }
  std::vector<unsigned long> offsets;
  std::vector<__u64> cookies;
  for (const ProbeSite& site : sites) {
    offsets.push_back(site.file_offset);
    cookies.push_back(site.cookie);
  }
  LIBBPF_OPTS(bpf_uprobe_multi_opts, options);
  options.offsets = offsets.data();
  options.cookies = cookies.data();
  options.cnt = offsets.size();
  options.retprobe = program == ProbeProgram::alloc_exit;
  bpf_link* link = bpf_program__attach_uprobe_multi(handle, -1, path.c_str(), nullptr, &options);
  if (!link) return bpf_error("cannot place probes in " + path, -errno);
  state_->links.push_back(link);
  return {};
}

void BpfSession::detach() {
  for (bpf_link* link : state_->links)
    bpf_link__destroy(link);
  state_->links.clear();
}

int BpfSession::event_descriptor() const {
  return ring_buffer__epoll_fd(state_->ring);
}

Status BpfSession::drain_records(const std::function<void(const lg_record&, std::size_t)>& handle) {
  state_->handler = &handle;
  const int consumed = ring_buffer__consume(state_->ring);
  state_->handler = nullptr;
  if (consumed < 0) return bpf_error("cannot read the ring buffer", consumed);
  return {};
}

namespace {

/// A new inner array map holding `values`; its descriptor, or a negative errno. Filled through a mapping: a
/// tenth of the time of updates.
template <typename Value>
int filled_array(const char* name, std::span<const Value> values) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
  const auto entries = static_cast<std::uint32_t>(std::max<std::size_t>(values.size(), 1));
  // the kernel rounds the size of an array's elements up to eight bytes
  constexpr std::size_t kStride = (sizeof(Value) + 7) / 8 * 8;
  const int fd =
      bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(std::uint32_t), sizeof(Value), entries, &options);
  if (fd < 0) return fd;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t bytes = (entries * kStride + page - 1) / page * page;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    const int code = errno;
    ::close(fd);
    return -code;
  }
  auto* at = static_cast<unsigned char*>(memory);
  for (const Value& value : values) {
    std::memcpy(at, &value, sizeof value);
    at += kStride;
  }
  ::munmap(memory, bytes);
  return fd;
}

}  // namespace

Status BpfSession::add_module_rows(std::uint32_t module, const lg_module_info& info,
                                   std::span<const lg_row> rows, std::span<const std::uint32_t> pages) {
  const leakgate_bpf& skeleton = *state_->skeleton;
  const int row_map = filled_array("lg_rows", rows);
  if (row_map < 0) return bpf_error("cannot store unwinding rows", row_map);
  state_->inner_maps.push_back(row_map);
  const int page_map = filled_array("lg_pages", pages);
  if (page_map < 0) return bpf_error("cannot store the index of unwinding rows", page_map);
  state_->inner_maps.push_back(page_map);
  if (const int error =
          bpf_map_update_elem(bpf_map__fd(skeleton.maps.module_rows), &module, &row_map, BPF_ANY))
    return bpf_error("cannot store unwinding rows", error);
  if (const int error =
          bpf_map_update_elem(bpf_map__fd(skeleton.maps.module_pages), &module, &page_map, BPF_ANY))
    return bpf_error("cannot store the index of unwinding rows", error);
  if (const int error = bpf_map_update_elem(bpf_map__fd(skeleton.maps.modules), &module, &info, BPF_ANY))
    return bpf_error("cannot store a module", error);
  return {};
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
  __atomic_store_n(&state_->skeleton->bss->user_beat_ns, now_ns(), __ATOMIC_RELAXED);
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

Status BpfSession::add_live_tier() {
  const auto tier = static_cast<std::uint32_t>(state_->live_tiers.size());
  if (tier >= LG_LIVE_TIERS)
    return Error{ErrorKind::unsupported, "the table of live blocks is at its largest", "", 0};
  std::uint64_t blocks = std::uint64_t{LG_LIVE_FIRST_TIER} << tier;
  if (state_->max_live_blocks) {
    const std::uint64_t have = (std::uint64_t{LG_LIVE_FIRST_TIER} << tier) - LG_LIVE_FIRST_TIER;
    if (have >= state_->max_live_blocks) return {};  // the user's limit; what does not fit is counted as lost
    blocks = std::min(blocks, state_->max_live_blocks - have);
  }
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
  const int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "lg_live", sizeof(lg_live_key), sizeof(lg_live),
                                static_cast<std::uint32_t>(blocks), &options);
  if (fd < 0) return bpf_error("cannot enlarge the table of live blocks", fd);
  state_->live_tiers.push_back(fd);
  if (const int error =
          bpf_map_update_elem(bpf_map__fd(state_->skeleton->maps.live_tiers), &tier, &fd, BPF_ANY))
    return bpf_error("cannot enlarge the table of live blocks", error);
  state_->skeleton->bss->live_tier_count = tier + 1;
  return {};
}

Status BpfSession::add_stack_tiers(std::size_t count) {
  // all in one update: the kernel waits a grace period after each
  std::vector<std::uint32_t> keys;
  std::vector<int> maps;
  const auto first = static_cast<std::uint32_t>(state_->stack_tiers.size());
  while (keys.size() < count && first + keys.size() < state_->max_stack_tiers) {
    const int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "lg_stacks", sizeof(std::uint32_t), sizeof(lg_stack),
                                  LG_STACKS_PER_TIER, nullptr);
    if (fd < 0) return bpf_error("cannot enlarge the table of stacks", fd);
    state_->stack_tiers.push_back(fd);
    keys.push_back(first + static_cast<std::uint32_t>(keys.size()));
    maps.push_back(fd);
  }
  if (keys.empty()) return {};  // what does not fit is counted as lost
  auto added = static_cast<std::uint32_t>(keys.size());
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  if (const int error = bpf_map_update_batch(bpf_map__fd(state_->skeleton->maps.stack_tiers), keys.data(),
                                             maps.data(), &added, &options))
    return bpf_error("cannot enlarge the table of stacks", error);
  state_->skeleton->bss->stack_tier_count = first + static_cast<std::uint32_t>(keys.size());
  return {};
}

Status BpfSession::grow() {
  const lg_totals now = totals();
  const std::uint64_t tiers = state_->live_tiers.size();
  const std::uint64_t capacity = (std::uint64_t{LG_LIVE_FIRST_TIER} << tiers) - LG_LIVE_FIRST_TIER;
  if (tiers < LG_LIVE_TIERS && now.live_blocks >= capacity / 4 * 3)
    if (auto added = add_live_tier(); !added) return added;
  const std::size_t stack_tiers = state_->stack_tiers.size();
  if (now.stacks >= stack_tiers * LG_STACKS_PER_TIER / 2)
    return add_stack_tiers(std::max<std::size_t>(kFirstStackTiers, stack_tiers / 2));
  return {};
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

Result<lg_stack> BpfSession::stack(std::uint32_t id) const {
  const std::uint32_t tier = (id - 1) / LG_STACKS_PER_TIER;
  const std::uint32_t slot = (id - 1) % LG_STACKS_PER_TIER;
  if (id == 0 || tier >= state_->stack_tiers.size())
    return Error{ErrorKind::internal, "a block refers to a stack that does not exist", "", 0};
  lg_stack stack{};
  if (const int error = bpf_map_lookup_elem(state_->stack_tiers[tier], &slot, &stack))
    return bpf_error("cannot read a stack", error);
  return stack;
}

Status BpfSession::visit_live(
    const std::function<bool(const lg_live_key&, const lg_live&)>& visit_and_remove) {
  std::vector<lg_live_key> keys;
  std::vector<lg_live> values;
  for (const int tier : state_->live_tiers) {
    std::uint32_t capacity = kBatch;
    std::uint32_t position[2] = {};
    bool first = true;
    std::vector<lg_live_key> to_remove;
    for (;;) {
      keys.resize(capacity);
      values.resize(capacity);
      std::uint32_t count = capacity;
      std::uint32_t next[2] = {};
      LIBBPF_OPTS(bpf_map_batch_opts, options);
      const int error = bpf_map_lookup_batch(tier, first ? nullptr : position, next, keys.data(),
                                             values.data(), &count, &options);
      if (error == -ENOSPC) {  // a bucket longer than the batch
        capacity *= 2;
        continue;
      }
      if (error && error != -ENOENT) return bpf_error("cannot read the table of live blocks", error);
      for (std::uint32_t i = 0; i < count; ++i)
        if (visit_and_remove(keys[i], values[i])) to_remove.push_back(keys[i]);
      if (error == -ENOENT) break;
      std::memcpy(position, next, sizeof position);
      first = false;
    }
    for (const lg_live_key& key : to_remove)
      if (bpf_map_delete_elem(tier, &key) == 0) {
        __atomic_fetch_sub(&state_->skeleton->bss->totals.live_blocks, 1, __ATOMIC_RELAXED);
      }
  }
  return {};
}

}  // namespace leakgate::capture
