// SPDX-License-Identifier: Apache-2.0
// FrameCache: source frames of modules kept between runs by build id. In: modules and addresses. Out: their
// frames as they were found before, as long as the files they were found in are the same. See
// docs/decisions/0078.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/base/cache_directory.h"
#include "harness/symbolize/frame_file.h"
#include "harness/symbolize/module_file.h"

namespace leakgate::symbolize {

/// Of the regular file at `path`; nothing but 0 where there is none.
[[nodiscard]] FileStamp stamp_of(const std::string& path);

/// Not thread-safe. What is wrong with a file of the cache, or with writing one, is no failure: it is as if
/// it were not there.
class FrameCache {
 public:
  /// `maker`: what names depend on beside the files, the program that makes them.
  FrameCache(CacheDirectory directory, std::string maker)
      : directory_(std::move(directory)), maker_(std::move(maker)) {}

  /// The frames at `address`, innermost first; none: not known.
  [[nodiscard]] std::vector<NamedFrame> find(const ModuleFile& module, std::uint64_t address);
  /// Whether find() has an answer.
  [[nodiscard]] bool has(const ModuleFile& module, std::uint64_t address);
  /// Whether there is anything of the module.
  [[nodiscard]] bool knows(const ModuleFile& module);
  /// Adds what was found by way of the module's `debug_file`; empty: by its own debug information. Modules
  /// without build id are left out.
  void add(const ModuleFile& module, const std::string& debug_file, std::uint64_t address,
           std::vector<NamedFrame> frames);
  /// Writes what was added; to be called last.
  void store();

 private:
  struct Module {
    FrameOrigin origin;
    std::optional<FrameFile> kept;  ///< as they were read
    FramesByAddress added;
  };

  /// nullptr: another file of the same build id is known, or there is none.
  Module* module_of(const ModuleFile& file);
  /// What the directory has of the module, if it can be believed.
  [[nodiscard]] std::optional<FrameFile> load(const std::string& build_id, const FileStamp& module) const;

  CacheDirectory directory_;
  std::string maker_;
  std::unordered_map<std::string, Module> modules_;    ///< by build id
  std::unordered_map<std::string, FileStamp> stamps_;  ///< by path, as it was first seen
};

}  // namespace leakgate::symbolize
