// SPDX-License-Identifier: Apache-2.0
// ProcessPatches: what has to be changed in a process's own memory so that its framework's functions, its end
// and its adapters are seen: worked out here, done by the preloaded library. In: places in modules, then
// mappings of processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bpf/wire.h"
#include "harness/base/elf_image.h"
#include "harness/capture/preload/detours.h"
#include "harness/capture/preload/shared_file.h"
#include "harness/capture/process_maps.h"

namespace leakgate::capture {

class ProcessPatches {
 public:
  explicit ProcessPatches(std::shared_ptr<SharedFile> file) : file_(std::move(file)) {}

  /// What is added from now on belongs to module `id`; `image` must live as long as that goes on.
  void begin_module(std::uint32_t id, const ElfImage& image);
  /// Whether add_detour() would succeed.
  [[nodiscard]] bool can_detour(std::uint64_t file_offset) const;
  /// A detour at a file offset of the module begun last.
  void add_detour(std::uint64_t file_offset, std::uint32_t tells);
  /// An allocation function of the module begun last is to be done by the library.
  void add_wrap(std::uint64_t file_offset, std::uint64_t cookie, bool releases);
  /// An adapter's words in the module begun last.
  void add_query(std::uint64_t presence, std::uint64_t hook);

  /// Writes down for process `index` what is still to be done with `mappings`.
  void prepare(std::uint32_t index, std::int32_t pid, std::span<const lg_mapping> mappings);
  /// The child begins with its parent's memory.
  void fork(std::uint32_t parent, std::uint32_t child);
  void end(std::uint32_t index);
  /// Places that could not be patched.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  /// Why, for those that were known from the file.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Query {
    std::uint64_t presence = 0;
    std::uint64_t hook = 0;
  };
  struct Module {
    std::vector<Detour> detours;
    std::vector<Query> queries;
  };
  using Done = std::set<std::pair<std::uint32_t, std::uint64_t>>;  ///< module, bias

  /// The detour at a file offset, planned where there is none yet; nullptr: refused.
  Detour* detour_at(std::uint64_t file_offset, bool at_entry);
  void patch_module(const Module& module, const lg_mapping& mapping, const LibraryEntries& entries,
                    std::vector<FileMapping>& maps, std::vector<std::byte>& script);

  std::shared_ptr<SharedFile> file_;
  const ElfImage* image_ = nullptr;
  std::uint32_t module_ = 0;
  std::map<std::uint32_t, Module> modules_;
  std::map<std::uint32_t, Done> done_;  ///< by process
  std::uint64_t refused_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace leakgate::capture
