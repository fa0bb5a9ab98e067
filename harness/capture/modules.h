// SPDX-License-Identifier: Apache-2.0
// ModuleTable: each ELF file the traced processes map, once per run: its unwinding rows go to the kernel, its
// allocation functions, its test framework and its dynamic-linker hook are probed. In: paths and maps. Out:
// module ids.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/capture/heap_tracer.h"
#include "harness/capture/module_preparation.h"
#include "harness/capture/process_maps.h"
#include "harness/capture/session.h"
#include "harness/capture/unwind/unwind_cache.h"
#include "harness/model/trace.h"

namespace leakgate::capture {

class ModuleTable {
 public:
  /// `cache_directory`: where unwinding rows are kept between runs; empty: nowhere.
  ModuleTable(Session& session, MarkFinder find_marks, ModuleSeen module_seen, UnwindMode unwind,
              const std::string& cache_directory);

  /// The id of the file at `open_path`, which processes see as `path`; probes it when it is new. Fails where
  /// the file is no usable ELF file or the kernel refuses the probes.
  Result<std::uint32_t> add(const std::string& open_path, const std::string& path, bool private_copy = false);
  /// The same for several files, in their order, those that are new being read by two threads.
  std::vector<Result<std::uint32_t>> add_all(const std::vector<KnownObject>& objects);

  /// The id of a mapping's file, opened through the process that maps it; nothing for files that are no ELF
  /// files.
  std::optional<std::uint32_t> add_mapping(std::int32_t pid, const FileMapping& mapping);
  /// The same for all mappings of a process, in their order, files that are new being read by two threads.
  std::vector<std::optional<std::uint32_t>> add_mappings(std::int32_t pid,
                                                         const std::vector<FileMapping>& mappings);

  /// As add_mapping(), for files that are known: adds and probes nothing.
  std::optional<std::uint32_t> find_mapping(std::int32_t pid, const FileMapping& mapping);

  /// Run-time address minus file address for a mapping of module `id`.
  [[nodiscard]] std::uint64_t bias(std::uint32_t id, const FileMapping& mapping) const;
  /// The end of the last page that the file's segments take in memory, in its own address space.
  [[nodiscard]] std::uint64_t memory_end(std::uint32_t id) const;

  [[nodiscard]] const std::vector<model::TraceModule>& modules() const { return modules_; }
  [[nodiscard]] model::Framework framework(std::uint32_t id) const { return details_[id].framework; }
  /// When its probes stood, CLOCK_MONOTONIC.
  [[nodiscard]] std::uint64_t probed_ns(std::uint32_t id) const { return details_[id].probed_ns; }
  /// The module that a mapping of the file belongs to, if it was added before.
  [[nodiscard]] std::optional<std::uint32_t> find(const FileMapping& mapping) const;
  /// Defines allocation functions and is not the C library.
  [[nodiscard]] bool is_own_allocator(std::uint32_t id) const { return details_[id].own_allocator; }
  /// Asks the allocator how large blocks really are (malloc_usable_size), and may use them that far.
  [[nodiscard]] bool asks_usable_size(std::uint32_t id) const { return details_[id].asks_usable_size; }
  /// In the module's own address space; none where it is no C library that tells.
  [[nodiscard]] const model::ThreadKeys& thread_keys(std::uint32_t id) const {
    return details_[id].thread_keys;
  }
  /// In the module's own address space.
  [[nodiscard]] const std::vector<model::MemoryRange>& old_actions(std::uint32_t id) const {
    return details_[id].old_actions;
  }
  /// Allocation functions probed so far, over all modules.
  [[nodiscard]] std::size_t allocation_probes() const { return allocation_probes_; }
  /// Functions and files that could not be probed: what happens there goes unseen.
  [[nodiscard]] std::uint64_t refused_probes() const { return refused_probes_; }
  /// Probes stand in files that others than the traced processes use.
  [[nodiscard]] bool probes_shared_files() const { return probes_shared_files_; }
  /// Where, in its own address space, adapters look for a word that is not 0 when leakgate is there, and the
  /// kernel cannot keep it.
  [[nodiscard]] const std::vector<std::uint64_t>& presence_words(std::uint32_t id) const {
    return details_[id].presence_words;
  }
  /// The unwinding rows of module `id`, for walks in user space; nullptr where there are none. Read once.
  [[nodiscard]] const UnwindTable* rows(std::uint32_t id) const;
  /// What a reader of the report should know of the modules.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Details {
    std::vector<LoadSegment> segments = {};
    model::Framework framework = model::Framework::none;
    std::uint64_t probed_ns = 0;
    bool own_allocator = false;
    bool asks_usable_size = false;
    model::ThreadKeys thread_keys = {};
    std::vector<model::MemoryRange> old_actions = {};
    std::vector<std::uint64_t> presence_words = {};
  };

  [[nodiscard]] ModuleReading reading() const;
  /// Begins to read those of the files that are new, until `ahead_` goes.
  void read_ahead(std::vector<ModuleToRead> files);
  std::optional<std::uint32_t> add_vdso(const FileMapping& mapping);
  Status probe(const ModuleContents& contents, std::uint32_t id, bool private_copy);
  Status probe_throws(const ElfImage& image, const std::string& path, bool private_copy);
  Status store_rows(std::uint32_t id, const UnwindTable& table);
  void note_sanitizer(const ElfImage& image);
  Status probe_allocators(const ElfImage& image, const std::string& path);
  Status probe_link_map(const ElfImage& image, const std::string& path);
  Status probe_exit(const ElfImage& image, const std::string& path);
  Status probe_queries(const ElfImage& image, const std::string& path, std::uint32_t id);
  Result<model::Framework> probe_marks(const ElfImage& image, const std::string& path);

  Session& session_;
  MarkFinder find_marks_;
  ModuleSeen module_seen_;
  UnwindMode unwind_;
  std::unique_ptr<UnwindCache> cache_;
  std::unique_ptr<ModulePreparation> ahead_;  ///< while several files are added
  std::vector<model::TraceModule> modules_;
  std::vector<Details> details_;
  std::map<FileKey, std::uint32_t> by_file_;
  std::map<std::string, std::optional<std::uint32_t>> by_mapping_;  ///< FileMapping::device_inode
  std::uint32_t next_mark_ = 0;
  std::size_t allocation_probes_ = 0;
  std::uint64_t refused_probes_ = 0;
  bool probes_shared_files_ = false;
  std::vector<std::string> notes_;
  mutable std::map<std::uint32_t, UnwindTable> rows_;  ///< of modules that were asked for
};

}  // namespace leakgate::capture
