// SPDX-License-Identifier: Apache-2.0
// The process in the ledger: a program that was just executed, or a child that was just forked. The memory
// file is opened by the name that the environment gives, and mapped; no descriptor stays open.
#include "adapters/preload/process.h"

namespace leakgate::preload {
namespace {

constexpr long kFailed = -4095;  // results from here up to -1 are error numbers
constexpr long kReadWrite = 3, kShared = 1, kPrivateAnonymous = 0x22, kNoReserve = 0x4000, kFixedMove = 3;
constexpr long kCurrentDirectory = -100, kOpenReadWrite = 02, kOpenCloseOnExec = 02000000;
constexpr long kWipeOnFork = 18, kDontDump = 16, kHugePage = 14;

Self nobody;

/// Process::here
constexpr u32 kTold = 1, kNotToCome = 2;

/// The child that this thread forks.
struct Forked {
  bool reserved;
  u32 index;
  u32 window;
};
__thread Forked forked __attribute__((tls_model("initial-exec")));

bool failed(long result) {
  return result < 0 && result >= kFailed;
}

/// The value of a variable of the environment; false: there is none. The file is read, since the C
/// library may not have set up its own view yet.
bool find_variable(const char* name, u64 name_bytes, char* value, u64 room) {
  const long fd = system_call(SYS_openat, kCurrentDirectory, word("/proc/self/environ"), kOpenCloseOnExec);
  if (failed(fd)) return false;
  char buffer[1024];
  u64 matched = 0, length = 0;  // of the name and "="; of the value
  bool in_value = false, skipping = false, found = false;
  for (;;) {
    const long got = system_call(SYS_read, fd, word(buffer), sizeof buffer);
    if (got <= 0) break;
    for (long i = 0; i < got && !found; ++i) {
      const char c = buffer[i];
      if (in_value) {
        value[length] = c;
        found = c == 0;
        if (++length >= room) in_value = false, skipping = true;
      } else if (c == 0) {
        matched = 0, skipping = false;
      } else if (!skipping && matched < name_bytes && c == name[matched]) {
        ++matched;
      } else if (!skipping && matched == name_bytes && c == '=') {
        in_value = true;
      } else {
        skipping = true;
      }
    }
    if (found) break;
  }
  system_call(SYS_close, fd);
  return found;
}

/// What LD_PRELOAD has of ours: its first entry, which leakgate puts there.
void keep_loader() {
  constexpr char kLoader[] = "LD_PRELOAD";
  char* const value = g.own_loader + sizeof kLoader;
  copy_bytes(g.own_loader, kLoader, sizeof kLoader);
  value[-1] = '=';
  if (!find_variable(kLoader, sizeof kLoader - 1, value, sizeof g.own_loader - sizeof kLoader)) value[0] = 0;
  for (char* at = value; *at; ++at)
    if (*at == ':' || *at == ' ') *at = 0;
  g.library = value;
}

/// "PID/FD" -> "/proc/PID/fd/FD".
bool make_path(const char* name) {
  char* out = g.path;
  const auto append = [&out](const char* text) {
    while (*text)
      *out++ = *text++;
  };
  u32 digits = 0;
  append("/proc/");
  for (; *name && *name != '/'; ++name, ++digits)
    if (digits < 10) *out++ = *name;
  append("/fd");
  for (; *name; ++name, ++digits)
    if (digits < 20) *out++ = *name;
  *out = 0;
  return digits < 20;
}

long open_file() {
  return system_call(SYS_openat, kCurrentDirectory, word(g.path), kOpenReadWrite | kOpenCloseOnExec);
}

/// Far from where the kernel maps what has no address of its own: there the program finds what it would find
/// without us, as one that wants a mapping again where it was in an earlier run does.
constexpr u64 kControlPlace = 0x3000'0000'0000, kRegionPlace = kControlPlace + 64 * kGiB;

/// At `wanted`, if that is free.
long map_part(long fd, u64 offset, u64 bytes, u64 wanted) {
  const long at = system_call(SYS_mmap, static_cast<long>(wanted), static_cast<long>(bytes), kReadWrite,
                              kShared | kNoReserve, fd, static_cast<long>(offset));
  if (!failed(at)) system_call(SYS_madvise, at, static_cast<long>(bytes), kDontDump);
  return at;
}

Process& process_at(u32 index) {
  return *reinterpret_cast<Process*>(g.control + kProcessesAt + index * kProcessStride);
}

/// The part for all is mapped, and is what this library knows.
bool map_control() {
  char* const name = g.own_variable + sizeof kVariable;
  copy_bytes(g.own_variable, kVariable, sizeof kVariable);
  name[-1] = '=';
  if (!find_variable(kVariable, sizeof kVariable - 1, name, 32) || !make_path(name)) return false;
  keep_loader();
  const long fd = open_file();
  if (failed(fd)) return false;
  const long at = map_part(fd, 0, kControlBytes, kControlPlace);
  system_call(SYS_close, fd);
  if (failed(at)) return false;
  g.control = reinterpret_cast<u8*>(at);
  g.header = reinterpret_cast<Header*>(at);
  g.start_ms = static_cast<u32>(g.header->start_ns / 1'000'000);
  if (g.header->layout == kLayout && !load(g.header->ended)) return true;
  system_call(SYS_munmap, at, static_cast<long>(kControlBytes));
  g.control = nullptr;
  return false;
}

/// Blocks are looked up all over their table: it is better off with the processor's large pages, where the
/// system gives them to memory files; but for the first part, which is all that a small program needs.
void ask_for_large_pages(u64 region) {
  system_call(SYS_madvise, static_cast<long>(region + kLiveAt + kSecondAt),
              static_cast<long>(kLiveBytes - kSecondAt), kHugePage);
}

/// Maps the region of process image `index`; nullptr: not to be had.
u8* map_region(u32 index) {
  const long fd = open_file();
  const long at =
      failed(fd) ? fd : map_part(fd, kRegionsAt + index * kRegionBytes, kRegionBytes, kRegionPlace);
  if (!failed(fd)) system_call(SYS_close, fd);
  if (!failed(at)) {
    ask_for_large_pages(static_cast<u64>(at));
    return reinterpret_cast<u8*>(at);
  }
  constexpr long kNotOwner = -1, kNoAccess = -13;
  u64& cause = fd == kNotOwner || fd == kNoAccess ? g.header->not_permitted : g.header->not_mapped;
  __atomic_fetch_add(&cause, 1, __ATOMIC_RELAXED);
  return nullptr;
}

/// Whether the process has the same number for itself as for leakgate, by whose /proc the ledger was opened.
/// It has not in a pid namespace of its own: another process would be looked at in its place.
bool has_known_number() {
  char link[16];
  const long got =
      system_call(SYS_readlinkat, kCurrentDirectory, word("/proc/self"), word(link), sizeof link);
  u32 number = 0;
  for (long i = 0; i < got; ++i)
    number = number * 10 + static_cast<u32>(link[i] - '0');
  if (got <= 0 || number == own_pid()) return true;
  __atomic_fetch_add(&g.header->not_numbered, 1, __ATOMIC_RELAXED);
  return false;
}

bool new_index(u32 pid, u32& index) {
  Header& header = *g.header;
  index = header.max_processes;
  if (pid && pid == header.canary_pid) return true;
  index = __atomic_fetch_add(&header.processes, 1, __ATOMIC_ACQ_REL);
  if (index < header.max_processes) return true;
  lose(LG_LOST_process_table_full);
  return false;
}

void use_region(u8* bytes, u32 index) {
  g.region_bytes = bytes;
  g.region = reinterpret_cast<Region*>(bytes);
  g.process = &process_at(index);
  g.index = index;
  g.region->live_tiers = 1;
  g.live_shape = live_shape(0, 0);
}

void fill_process(u32 index, u32 pid, u32 parent, u32 flags) {
  Process& process = process_at(index);
  process.figures.tgid = pid;
  process.figures.pid = pid;
  process.figures.parent = parent;
  process.figures.flags = flags;
  process.figures.index = index;
  process.exit_code = -1;
  process.hook = static_cast<u64>(word(&lg_detour_entry));
  process.site_entry = static_cast<u64>(word(&lg_site_entry));
  process.site_free = static_cast<u64>(word(&lg_site_free));
  store(process.ready, 1u);
}

/// Reads a file of /proc/self, as much as fits.
u32 read_own(const char* path, char* out, u32 room) {
  const long fd = system_call(SYS_openat, kCurrentDirectory, word(path), kOpenCloseOnExec);
  if (failed(fd)) return 0;
  u32 bytes = 0;
  while (bytes < room) {
    const long got = system_call(SYS_read, fd, word(out + bytes), room - bytes);
    if (got <= 0) break;
    bytes += static_cast<u32>(got);
  }
  system_call(SYS_close, fd);
  return bytes;
}

void tell_of_exec() {
  lg_record_exec record;
  begin_record(record, LG_REC_EXEC);
  record.replaced = ~0u;
  record.pid = g.process->figures.pid;
  const long got = system_call(SYS_readlinkat, kCurrentDirectory, word("/proc/self/exe"), word(record.exe),
                               sizeof record.exe - 1);
  record.exe[got > 0 ? got : 0] = 0;
  record.args_bytes = read_own("/proc/self/cmdline", record.args, sizeof record.args);
  send_record(&record.head, sizeof record, true);
}

bool start_executed() {
  // it minds every byte of the ledger's addresses, for minutes; and calls its own malloc
  if (is_on_valgrind() || !map_control() || !has_known_number()) return false;
  const u32 pid = own_pid();
  u32 index = 0;
  if (!new_index(pid, index)) return false;
  u8* const bytes = map_region(index);
  if (!bytes) return false;
  use_region(bytes, index);
  fill_process(index, pid, static_cast<u32>(system_call(SYS_getppid)), LG_PROC_EXECED);
  tell_of_exec();
  examine_mappings();
  return true;
}

/// The child sees the parent's memory as it was: what was examined there is examined here.
void inherit_mappings(u8* bytes) {
  Region& child = *reinterpret_cast<Region*>(bytes);
  const Region& parent = *g.region;
  child.generation = parent.generation;
  child.stack_end = parent.stack_end;
  const u64 mappings = load(parent.mappings), count = mappings & 0xffffffff;
  child.mappings = count;
  copy_bytes(bytes + kMappingsAt,
             g.region_bytes + kMappingsAt + (mappings >> 32) * LG_MAX_MAPPINGS * sizeof(lg_mapping),
             count * sizeof(lg_mapping));
}

/// A child that ended before leakgate had a hold of it, and was reaped by its parent, could not be told how
/// it ended.
void await_watch() {
  constexpr u64 kTurnNs = 1'000'000, kPatienceNs = 1'000'000'000;
  Patience patience(kPatienceNs);
  while (!load(g.process->watched) && is_leakgate_there() && !patience.is_over())
    futex_wait(g.process->watched, 0, kTurnNs);
}

/// What `process` frees from now on is left to the child at `index`, and to those that it has forked before.
/// Threads that fork at once may come here in any order.
void leave_to(Process& process, u32 index) {
  u64& left_before = process.figures.left_before;
  u64 before = load(left_before), wanted = 0;
  do {
    const u32 last = static_cast<u32>(before >> 32), since = static_cast<u32>(before), now = now_ms() + 1;
    wanted = u64{last > index ? last : index} << 32 | (since > now ? since : now);
  } while (
      !__atomic_compare_exchange_n(&left_before, &before, wanted, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

/// In a child that was forked: what is at hand is its parent's.
bool follow_parent() {
  if (!has_known_number()) return false;
  const Process& parent = *g.process;
  const u32 parent_index = g.index, pid = own_pid();
  const Thread* const forker = own_thread;
  u32 flags =
      (parent.figures.flags & (LG_PROC_DEATH_TEST | LG_PROC_HOLD_ASKED | LG_PROC_LATE)) | LG_PROC_HEIR;
  if (forker && parent.figures.death_tid == forker->tid) {
    process_at(parent_index).figures.death_tid = 0;
    flags |= LG_PROC_DEATH_TEST;
  }
  const u64 low = forker ? forker->stack_low : 0, high = forker ? forker->stack_high : 0;
  u32 index = forked.index, window = forked.window;
  if (!forked.reserved) {
    window = parent.figures.test_root;
    if (!new_index(pid, index)) return false;
    // made by a system call of the program's own: what the parent has freed before this is not known
    leave_to(process_at(parent_index), index);
  }
  forked.reserved = false;
  // two regions at once might be more than the program's limit of its address space; what is read from the
  // parent's from here on stands at its start
  system_call(SYS_munmap, word(g.region_bytes) + kPatchesAt, static_cast<long>(kRegionBytes - kPatchesAt));
  u8* const bytes = map_region(index);
  if (!bytes) return false;
  inherit_mappings(bytes);
  if (failed(system_call(SYS_mremap, word(bytes), static_cast<long>(kRegionBytes),
                         static_cast<long>(kRegionBytes), kFixedMove, word(g.region_bytes))))
    return false;
  use_region(g.region_bytes, index);
  g.scan_threads_at = 0;
  fill_process(index, pid, parent_index, flags);
  store(g.process->examined, 1u);
  lg_record_fork record;
  begin_record(record, LG_REC_FORK);
  record.head.proc = parent_index;
  record.child = index;
  record.flags = flags;
  record.test = window;
  record.pid = pid;
  send_record(&record.head, sizeof record, true);
  inherit_stack(low, high);
  store(g.process->here, kTold);
  futex_wake(g.process->here);
  await_watch();
  return true;
}

bool start_forked() {
  const bool reserved = forked.reserved;
  u32& here = process_at(forked.index).here;
  if (follow_parent()) return true;
  forked.reserved = false;
  if (reserved) {
    store(here, kNotToCome);
    futex_wake(here);
  }
  return false;
}

}  // namespace

void reserve_child() {
  forked.window = g.process->figures.test_root;
  // a new place, even where nobody came to the one before: by their places children are in order
  forked.reserved = new_index(0, forked.index);
  if (forked.reserved) leave_to(*g.process, forked.index);
}

void await_child() {
  constexpr u64 kTurnNs = 1'000'000, kPatienceNs = 1'000'000'000;
  if (!forked.reserved) return;
  u32& here = process_at(forked.index).here;
  Patience patience(kPatienceNs);
  while (!load(here) && is_leakgate_there() && !patience.is_over())
    futex_wait(here, 0, kTurnNs);
  forked.reserved = false;
}

void give_up_child() {
  forked.reserved = false;
}

bool start_process() {
  u32 phase = kUntouched;
  if (!__atomic_compare_exchange_n(&g.phase, &phase, kStarting, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    // a forked child: its only thread is this one, whatever was under way in others
    if (phase == kStarting && g.starter == own_tid()) return false;
    while (phase == kStarting && g.starter_pid == own_pid()) {
      system_call(SYS_sched_yield);
      phase = load(g.phase);
    }
    if (g.self && g.self->ready) return true;
    g.phase = kStarting;
  }
  const bool is_child = phase != kUntouched;
  g.starter = own_tid();
  g.starter_pid = own_pid();
  bool done = false;
  if (is_child) {
    done = g.control && start_forked();
  } else {
    const long page = system_call(SYS_mmap, 0, 4096, kReadWrite, kPrivateAnonymous, -1, 0);
    g.self = failed(page) ? &nobody : reinterpret_cast<Self*>(page);
    done = !failed(page) && !failed(system_call(SYS_madvise, page, 4096, kWipeOnFork)) && start_executed();
  }
  g.off = !done;
  if (done) g.self->ready = 1;
  store(g.phase, static_cast<u32>(kStarted));
  if (done && !is_child) watch_forks();
  return done;
}

void examine_mappings() {
  constexpr u64 kTurnNs = 100'000'000, kPatienceNs = 20'000'000'000;
  Process& process = *g.process;
  store(process.examined, 0u);
  lg_record record;
  clear_bytes(&record, sizeof record);
  record.type = LG_REC_EXAMINE;
  record.proc = g.index;
  record.time_ns = monotonic_ns();
  if (!send_record(&record, sizeof record, true)) return;
  Patience patience(kPatienceNs);
  while (!load(process.examined) && is_leakgate_there() && !patience.is_over())
    futex_wait(process.examined, 0, kTurnNs);
  if (load(process.examined))
    apply_patches();
  else
    lose(LG_LOST_examined_late);
}

}  // namespace leakgate::preload
