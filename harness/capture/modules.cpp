// SPDX-License-Identifier: Apache-2.0
// Registers ELF files and probes them. A file is one inode: however often and wherever it is mapped, it is
// probed once.
#include "harness/capture/modules.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <set>
#include <string_view>

#include "harness/base/clock.h"
#include "harness/capture/planner/allocators.h"
#include "harness/capture/planner/old_actions.h"
#include "harness/capture/planner/query_places.h"
#include "harness/capture/unwind/unwind_table.h"
#include "harness/capture/vdso.h"

namespace leakgate::capture {
namespace {

/// Distance from _dl_debug_state to r_debug.r_state, as the link_map_changed program wants it.
constexpr std::uint64_t kStateOffset = 24;  // of r_state in struct r_debug (link.h), 64-bit

std::string descriptor_path(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
}

/// The file that is mapped, whatever stands at its path by now; takes privileges to open.
std::string exact_path(std::int32_t pid, const FileMapping& mapping) {
  return fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.start, mapping.end);
}

/// By the path that the process sees; empty where nothing stands there any more.
std::string path_in_root(std::int32_t pid, const FileMapping& mapping) {
  return mapping.deleted ? std::string() : fmt::format("/proc/{}/root{}", pid, mapping.path);
}

lg_text_field text_field(const MarkField& field) {
  return {field.offset, field.kind, 0};
}

lg_mark kernel_mark(const Mark& mark) {
  lg_mark result{};
  result.role = mark.role;
  result.framework = static_cast<std::uint8_t>(mark.framework);
  result.arg = mark.argument;
  result.deref = mark.deref;
  result.suite = text_field(mark.suite);
  result.name = text_field(mark.name);
  result.file = text_field(mark.file);
  result.line_off = mark.line_offset;
  result.outcome_arg = mark.outcome_argument;
  result.failed_mask = mark.failed_mask;
  result.skipped_mask = mark.skipped_mask;
  result.outcome_form = mark.outcome_form;
  result.when_off = mark.when_offset;
  result.when_value = mark.when_value;
  result.failed_off = mark.failed_offset;
  result.skipped_off = mark.skipped_offset;
  return result;
}

/// The kernel side's name for an allocation function.
std::uint64_t function_number(std::string_view name) {
  if (name == "operator new") return LG_FN_operator_new;
#define X(function) \
  if (name == #function) return LG_FN_##function;
  LG_FUNCTION_LIST(X)
#undef X
  return LG_FN_none;
}

std::uint64_t argument_number(std::int8_t argument) {
  return argument == kNoArgument ? std::uint64_t{LG_NO_ARG} : static_cast<std::uint64_t>(argument);
}

std::uint64_t cookie_of(const AllocatorFunction& function) {
  return LG_COOKIE(function_number(function.name), argument_number(function.size_argument),
                   argument_number(function.count_argument), argument_number(function.old_pointer_argument),
                   argument_number(function.out_pointer_argument));
}

/// How many writable segments map the page of the file that `offset` lies in. lld lets segments share pages
/// of the file; the kernel then takes the first for that of a probe's counter, whichever it is.
std::size_t writable_mappings(const std::vector<LoadSegment>& segments, std::uint64_t offset) {
  constexpr std::uint64_t kPage = 4096;
  return static_cast<std::size_t>(
      std::count_if(segments.begin(), segments.end(), [offset](const LoadSegment& segment) {
        return segment.writable && segment.file_size_bytes != 0 &&
               offset / kPage >= segment.file_offset / kPage &&
               offset / kPage <= (segment.file_offset + segment.file_size_bytes - 1) / kPage;
      }));
}

/// It stands in front of the C library's functions and does not replace them.
bool is_preload_library(std::string_view path) {
  return path.ends_with("/libleakgate_preload.so");
}

/// Kernels from 6.16 on emulate multi-byte nops under a probe (commit 610f6e14c29d).
bool long_nops_emulated() {
  utsname system{};
  int major = 0;
  int minor = 0;
  if (uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 6 || (major == 6 && minor >= 16);
}

}  // namespace

ModuleTable::ModuleTable(Session& session, MarkFinder find_marks, ModuleSeen module_seen, UnwindMode unwind,
                         const std::string& cache_directory)
    : session_(session),
      find_marks_(std::move(find_marks)),
      module_seen_(std::move(module_seen)),
      unwind_(unwind) {
  if (cache_directory.empty()) return;
  // a cache that cannot be trusted or made is done without
  if (auto cache = UnwindCache::open(cache_directory); cache)
    cache_ = std::make_unique<UnwindCache>(std::move(*cache));
}

Result<std::uint32_t> ModuleTable::add(const std::string& open_path, const std::string& path,
                                       bool private_copy) {
  auto file = open_module_file(open_path, path);
  if (!file) return std::move(file).error();
  if (const auto found = by_file_.find(file->key); found != by_file_.end()) return found->second;
  if (modules_.size() >= LG_MAX_MODULES)
    return Error{ErrorKind::unsupported, fmt::format("more than {} modules", int{LG_MAX_MODULES}), "", 0};

  auto contents = ahead_ ? ahead_->take(open_path, file->key) : std::nullopt;
  if (!contents) {
    auto read = read_module(file->descriptor.get(), path, reading());
    if (!read) return std::move(read).error();
    contents = std::move(*read);
  }
  const ElfImage& image = contents->image;
  const auto id = static_cast<std::uint32_t>(modules_.size());
  by_file_.emplace(file->key, id);
  modules_.push_back({path, image.build_id(), image.stripped(),
                      std::make_shared<Descriptor>(std::move(file->descriptor)), private_copy});
  details_.push_back({.segments = image.segments()});
  const std::size_t links_before = session_.link_count();
  auto done = probe(*contents, id, private_copy);
  if (!private_copy && session_.link_count() > links_before) probes_shared_files_ = true;
  details_[id].probed_ns = monotonic_ns();
  if (!done) {
    ++refused_probes_;  // the file stays known, so this is the one time it is said
    return std::move(done).error().with_context(path);
  }
  const bool is_tested = image.type() != ElfType::shared || details_[id].framework != model::Framework::none;
  if (module_seen_) module_seen_(modules_[id], is_tested);
  return id;
}

ModuleReading ModuleTable::reading() const {
  const bool with_rows = unwind_ != UnwindMode::none && unwind_ != UnwindMode::frame_pointer;
  return {with_rows, cache_.get()};
}

void ModuleTable::read_ahead(std::vector<ModuleToRead> files) {
  std::erase_if(files, [&](const ModuleToRead& file) {
    struct stat status {};
    const bool is_there = ::stat(file.open_path.c_str(), &status) == 0 ||
                          (!file.alternative.empty() && ::stat(file.alternative.c_str(), &status) == 0);
    return !is_there || by_file_.contains(FileKey(status.st_dev, status.st_ino));
  });
  ahead_ = std::make_unique<ModulePreparation>(std::move(files), reading());
}

std::vector<Result<std::uint32_t>> ModuleTable::add_all(const std::vector<KnownObject>& objects) {
  std::vector<ModuleToRead> files;
  for (const KnownObject& object : objects)
    files.push_back({object.open_path, "", object.path});
  read_ahead(std::move(files));
  std::vector<Result<std::uint32_t>> added;
  for (const KnownObject& object : objects)
    added.push_back(add(object.open_path, object.path, object.private_copy));
  ahead_.reset();
  return added;
}

/// Where exceptions are thrown; not in a library that others use: they would pay for a hint.
Status ModuleTable::probe_throws(const ElfImage& image, const std::string& path, bool private_copy) {
  if (!private_copy && !session_.watches_privately() && image.type() == ElfType::shared) return {};
  const auto function = image.find("__cxa_throw");
  if (!function || function->kind != SymbolKind::function) return {};
  const auto offset = image.file_offset(function->vaddr);
  if (!offset) return {};
  Mark mark;
  mark.role = LG_MARK_THROW;
  if (auto stored = session_.add_mark(next_mark_, kernel_mark(mark)); !stored) return stored;
  const ProbeSite site{*offset, next_mark_++};
  return session_.attach(ProbeProgram::mark_hit, path, std::span(&site, 1));
}

namespace {

/// By glibc's description of itself for libthread_db: a field's size in bits, how many there are, and its
/// offset (nptl_db/structs.def).
model::ThreadKeys find_thread_keys(const ElfImage& image) {
  constexpr std::uint32_t kLargestThread = 1 << 16;
  const auto keys = image.find("__pthread_keys");
  const auto described = keys ? image.find("_thread_db_pthread_specific") : std::nullopt;
  if (!described) return {};
  std::array<std::uint32_t, 3> field{};
  const auto bytes = image.read_data(described->vaddr, sizeof field);
  if (!bytes) return {};
  std::memcpy(field.data(), bytes->data(), sizeof field);
  if (field[2] == 0 || field[2] % 8 != 0 || field[2] >= kLargestThread) return {};
  return {keys->vaddr, field[2]};
}

}  // namespace

Status ModuleTable::probe(const ModuleContents& contents, std::uint32_t id, bool private_copy) {
  const ElfImage& image = contents.image;
  const std::string path = descriptor_path(modules_[id].file->get());
  const std::size_t probes_before = allocation_probes_;
  session_.begin_module(id, image);
  if (auto done = probe_allocators(image, path); !done) return done;
  details_[id].own_allocator = allocation_probes_ > probes_before && !is_preload_library(modules_[id].path) &&
                               !image.find("__libc_start_main") && !image.find("_dl_debug_state");
  details_[id].thread_keys = find_thread_keys(image);
  details_[id].old_actions = find_old_actions(image);
  details_[id].asks_usable_size = image.imports("malloc_usable_size");
  if (auto done = probe_exit(image, path); !done) return done;
  if (auto done = probe_link_map(image, path); !done) return done;
  auto framework = probe_marks(image, path);
  if (!framework) return std::move(framework).error();
  details_[id].framework = *framework;
  if (auto done = probe_queries(image, path, id); !done) return done;
  if (auto done = probe_throws(image, path, private_copy); !done) return done;
  return store_rows(id, contents.rows);
}

std::optional<std::uint32_t> ModuleTable::find(const FileMapping& mapping) const {
  const auto found = by_mapping_.find(mapping.device_inode);
  return found == by_mapping_.end() ? std::nullopt : found->second;
}

std::vector<std::optional<std::uint32_t>> ModuleTable::add_mappings(
    std::int32_t pid, const std::vector<FileMapping>& mappings) {
  std::vector<ModuleToRead> files;
  std::set<std::string_view> seen;
  for (const FileMapping& mapping : mappings)
    if (mapping.has_file() && !by_mapping_.contains(mapping.device_inode) &&
        seen.insert(mapping.device_inode).second)
      files.push_back({exact_path(pid, mapping), path_in_root(pid, mapping), mapping.path});
  read_ahead(std::move(files));
  std::vector<std::optional<std::uint32_t>> added;
  for (const FileMapping& mapping : mappings)
    added.push_back(add_mapping(pid, mapping));
  ahead_.reset();
  return added;
}

std::optional<std::uint32_t> ModuleTable::add_mapping(std::int32_t pid, const FileMapping& mapping) {
  const auto found = by_mapping_.find(mapping.device_inode);
  if (found != by_mapping_.end()) return found->second;
  if (mapping.path == kVdsoName) return add_vdso(mapping);
  auto id = add(exact_path(pid, mapping), mapping.path);
  if (const std::string path = path_in_root(pid, mapping); !id && !path.empty()) id = add(path, mapping.path);
  const auto result = id ? std::optional(*id) : std::nullopt;
  // a process that has just ended says nothing about the file
  const bool gone = !id && (id.error().kind == ErrorKind::io || id.error().kind == ErrorKind::not_found);
  if (!gone) by_mapping_.emplace(mapping.device_inode, result);
  return result;
}

std::optional<std::uint32_t> ModuleTable::find_mapping(std::int32_t pid, const FileMapping& mapping) {
  if (const auto id = find(mapping); id) return id;
  struct stat status {};
  if (!mapping.has_file() || ::stat(exact_path(pid, mapping).c_str(), &status) != 0) return std::nullopt;
  const auto known = by_file_.find(FileKey(status.st_dev, status.st_ino));
  if (known == by_file_.end()) return std::nullopt;
  by_mapping_.insert_or_assign(mapping.device_inode, known->second);
  return known->second;
}

std::optional<std::uint32_t> ModuleTable::add_vdso(const FileMapping& mapping) {
  std::optional<std::uint32_t> id;
  if (auto copy = copy_vdso(); copy)
    if (auto added = add(descriptor_path(copy->get()), kVdsoName); added) id = *added;
  by_mapping_.emplace(mapping.device_inode, id);
  return id;
}

std::uint64_t ModuleTable::bias(std::uint32_t id, const FileMapping& mapping) const {
  for (const LoadSegment& segment : details_[id].segments) {
    const std::uint64_t page_start = segment.file_offset & ~std::uint64_t{4095};
    if (segment.executable && mapping.file_offset >= page_start &&
        mapping.file_offset < segment.file_offset + segment.file_size_bytes)
      return mapping.start - (segment.vaddr - segment.file_offset + mapping.file_offset);
  }
  return mapping.start - mapping.file_offset;
}

std::uint64_t ModuleTable::memory_end(std::uint32_t id) const {
  std::uint64_t end = 0;
  for (const LoadSegment& segment : details_[id].segments)
    end = std::max(end, segment.vaddr + segment.memory_size_bytes);
  return (end + 4095) & ~std::uint64_t{4095};
}

Status ModuleTable::store_rows(std::uint32_t id, const UnwindTable& table) {
  if (table.rows.empty()) return {};
  lg_module_info info{};
  info.base = table.base;
  info.origin = table.origin;
  info.limit = table.limit;
  info.rows = static_cast<std::uint32_t>(table.rows.size());
  info.page_shift = kPageShift;
  return session_.add_module_rows(id, info, table.rows, table.pages);
}

const UnwindTable* ModuleTable::rows(std::uint32_t id) const {
  if (unwind_ == UnwindMode::none || unwind_ == UnwindMode::frame_pointer) return nullptr;
  const auto [found, is_new] = rows_.try_emplace(id);
  if (is_new)
    if (auto table = load_or_build_unwind_table(modules_[id].file->get(), cache_.get()); table)
      found->second = std::move(*table);
  return found->second.rows.empty() ? nullptr : &found->second;
}

Status ModuleTable::probe_allocators(const ElfImage& image, const std::string& path) {
  if (session_.is_interposed()) {
    if (image.find("malloc")) ++allocation_probes_;
    return {};
  }
  std::vector<RefusedProbe> refused;
  auto planned = plan_allocator_probes(image, &refused, long_nops_emulated());
  if (!planned) return std::move(planned).error();
  refused_probes_ += refused.size();
  std::vector<ProbeSite> enter, exit, frees, operators, operator_returns;
  for (const PlannedProbe& probe : *planned) {
    const ProbeSite site{probe.plan.file_offset, cookie_of(*probe.function), 0,
                         probe.plan.file_offset - probe.plan.offset_in_function};
    if (!probe.return_offsets.empty()) {
      operators.push_back(site);
      for (const std::uint64_t offset : probe.return_offsets)
        operator_returns.push_back({offset, 0});
    } else if (probe.with_return) {
      enter.push_back(site);
      exit.push_back(site);
    } else {
      frees.push_back(site);
    }
  }
  // two operators may end in one tail call: each place is probed once
  const auto before = [](const ProbeSite& a, const ProbeSite& b) { return a.file_offset < b.file_offset; };
  const auto same = [](const ProbeSite& a, const ProbeSite& b) { return a.file_offset == b.file_offset; };
  std::sort(operator_returns.begin(), operator_returns.end(), before);
  operator_returns.erase(std::unique(operator_returns.begin(), operator_returns.end(), same),
                         operator_returns.end());
  if (enter.empty() && frees.empty()) return {};
  note_sanitizer(image);
  allocation_probes_ += enter.size() + frees.size() + operators.size();
  // the return half first: an entry seen without its return would wait in the thread's state
  if (auto done = session_.attach(ProbeProgram::free_enter, path, frees); !done) return done;
  if (auto done = session_.attach(ProbeProgram::alloc_exit, path, exit); !done) return done;
  if (auto done = session_.attach(ProbeProgram::operator_return, path, operator_returns); !done) return done;
  if (auto done = session_.attach(ProbeProgram::operator_enter, path, operators); !done) return done;
  return session_.attach(ProbeProgram::alloc_enter, path, enter);
}

/// A sanitizer takes a stack at each allocation, from inside the probed function: where the caller should be,
/// it meets the kernel's trampoline.
void ModuleTable::note_sanitizer(const ElfImage& image) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kRuntimes = {
      {{"__asan_init", "AddressSanitizer"},
       {"__hwasan_init", "HWAddressSanitizer"},
       {"__lsan_init", "LeakSanitizer"},
       {"__msan_init", "MemorySanitizer"},
       {"__tsan_init", "ThreadSanitizer"}}};
  for (const auto& [symbol, name] : kRuntimes) {
    if (image.find_functions(std::span(&symbol, 1)).empty()) continue;
    // its strdup takes the memory by a way inside the library, where nothing can be probed
    const bool hides_copies = name == "AddressSanitizer";
    notes_.push_back(
        fmt::format("the target has {}: its own reports work, but may name no callers of malloc "
                    "while it is traced{}",
                    name, hides_copies ? ", and what strdup copies is not counted here" : ""));
    return;
  }
}

Status ModuleTable::probe_link_map(const ElfImage& image, const std::string& path) {
  if (image.is_static()) {  // everything is mapped at its first instruction
    const auto entry = image.file_offset(image.entry_point());
    if (!entry) return {};
    const ProbeSite start{*entry, 0};
    return session_.attach(ProbeProgram::link_map_changed, path, std::span(&start, 1));
  }
  const auto hook = image.find("_dl_debug_state");
  if (!hook) return {};
  const auto debug = image.find("_r_debug");
  const bool has_state = debug && debug->kind == SymbolKind::object;
  // musl keeps its r_debug to itself, and calls the hook only when everything is mapped
  if (!has_state && !image.find("_dl_debug_addr")) return {};
  const auto offset = image.file_offset(hook->vaddr);
  if (!offset) return {};
  const ProbeSite site{*offset, has_state ? debug->vaddr + kStateOffset - hook->vaddr : 0};
  return session_.attach(ProbeProgram::link_map_changed, path, std::span(&site, 1));
}

Status ModuleTable::probe_exit(const ElfImage& image, const std::string& path) {
  if (!image.find("__libc_start_main")) return {};  // the C library's own, not a program's wrapper
  const auto site_of = [&](std::string_view name) -> std::optional<ProbeSite> {
    const auto function = image.find(name);
    if (!function || function->kind != SymbolKind::function) return std::nullopt;
    const auto offset = image.file_offset(function->vaddr);
    return offset ? std::optional(ProbeSite{*offset, 0}) : std::nullopt;
  };
  std::vector<ProbeSite> calls;
  for (const std::string_view name : {"exit", "quick_exit"})
    if (const auto site = site_of(name)) calls.push_back(*site);
  if (auto done = session_.attach(ProbeProgram::exit_called, path, calls); !done) return done;
  const auto end = site_of("_exit");
  return end ? session_.attach(ProbeProgram::exit_hit, path, std::span(&*end, 1)) : Status();
}

Status ModuleTable::probe_queries(const ElfImage& image, const std::string& path, std::uint32_t id) {
  std::vector<ProbeSite> sites;
  for (const QueryPlace& place : find_query_places(modules_[id].file->get())) {
    const auto offset = image.file_offset(place.vaddr);
    const auto counter = image.file_offset(place.counter_vaddr);
    // the notes of functions that the linker threw away say 0, or what lies at the start of the file
    if (!offset || !counter || *offset == 0 || *counter == 0) continue;
    const bool kept = writable_mappings(image.segments(), *counter) == 1;
    sites.push_back({*offset, 0, kept ? *counter : 0});
    if (!kept) details_[id].presence_words.push_back(place.counter_vaddr);
    if (place.hook_vaddr != 0) session_.note_query(place.counter_vaddr, place.hook_vaddr);
  }
  return session_.attach(ProbeProgram::query_hit, path, sites);
}

Result<model::Framework> ModuleTable::probe_marks(const ElfImage& image, const std::string& path) {
  model::Framework framework = model::Framework::none;
  std::vector<ProbeSite> sites;
  for (const Mark& mark : find_marks_(image)) {
    const auto offset = image.file_offset(mark.vaddr);
    if (!offset) continue;
    if (auto stored = session_.add_mark(next_mark_, kernel_mark(mark)); !stored)
      return std::move(stored).error();
    sites.push_back({*offset, next_mark_++});
    if (mark.role == LG_MARK_TEST_START) framework = mark.framework;
  }
  if (auto done = session_.attach(ProbeProgram::mark_hit, path, sites); !done) return std::move(done).error();
  return framework;
}

}  // namespace leakgate::capture
