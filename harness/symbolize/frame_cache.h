// SPDX-License-Identifier: Apache-2.0
// FrameCache: source frames of modules whose debug information stands in a separate, compressed file, kept
// between runs by build id. In: modules and addresses. Out: their frames as they were found before, as long
// as the files they were found in are the same. See docs/decisions/0078.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/base/cache_directory.h"
#include "harness/symbolize/demangle.h"
#include "harness/symbolize/module_file.h"

namespace leakgate::symbolize {

/// A source frame that stands for itself.
struct NamedFrame {
  FunctionName function;
  std::string file;  ///< as the compiler wrote it; empty: unknown
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  bool inlined = false;

  friend bool operator==(const NamedFrame& a, const NamedFrame& b) {
    return a.function.compact == b.function.compact && a.function.full == b.function.full &&
           a.file == b.file && a.line == b.line && a.column == b.column && a.inlined == b.inlined;
  }
};

/// Which file it is, and as it was at a time. Whoever can write a file can give it the size and the times of
/// another one, but not the time of that.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::uint64_t written_ns = 0;  ///< its content
  std::uint64_t changed_ns = 0;  ///< anything of it
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// Of the regular file at `path`; nothing but 0 where there is none.
[[nodiscard]] FileStamp stamp_of(const std::string& path);

/// Not thread-safe. What is wrong with a file of the cache, or with writing one, is no failure: it is as if
/// it were not there.
class FrameCache {
 public:
  /// `maker`: what names depend on beside the files, the program that makes them.
  FrameCache(CacheDirectory directory, std::string maker)
      : directory_(std::move(directory)), maker_(std::move(maker)) {}

  /// The frames at `address`, innermost first; nullptr: not known. Valid until add().
  [[nodiscard]] const std::vector<NamedFrame>* find(const ModuleFile& module, std::uint64_t address);
  /// Whether there is anything of the module.
  [[nodiscard]] bool knows(const ModuleFile& module);
  /// Adds what was found by way of the module's `debug_file`. Modules without build id are left out.
  void add(const ModuleFile& module, const std::string& debug_file, std::uint64_t address,
           std::vector<NamedFrame> frames);
  /// Writes what was added.
  void store();

 private:
  struct Module {
    FileStamp stamp;
    std::string debug_file;
    FileStamp debug_stamp;
    std::map<std::uint64_t, std::vector<NamedFrame>> frames;  ///< by address
    bool has_changed = false;
  };

  /// nullptr: another file of the same build id is known, or there is none.
  Module* module_of(const ModuleFile& file);
  [[nodiscard]] bool read(const std::string& text, const std::string& name, Module& module) const;
  [[nodiscard]] std::string write(const Module& module) const;

  CacheDirectory directory_;
  std::string maker_;
  std::unordered_map<std::string, Module> modules_;    ///< by build id
  std::unordered_map<std::string, FileStamp> stamps_;  ///< by path, as it was first seen
};

}  // namespace leakgate::symbolize
