// SPDX-License-Identifier: Apache-2.0
// What is read of an ELF file before it can be probed: symbols by name, and its unwinding rows. In: files, in
// the order in which they will be wanted. Out: each one's, read by a second thread while the first probes
// those before. See docs/decisions/0079.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/base/elf_image.h"
#include "harness/base/result.h"
#include "harness/capture/unwind/unwind_cache.h"

namespace leakgate::capture {

/// One inode, however it is called.
using FileKey = std::pair<dev_t, ino_t>;

/// An open regular file.
struct OpenedFile {
  Descriptor descriptor;
  FileKey key;
  std::uint64_t bytes = 0;
};

/// Opens the file at `open_path` for reading; `path` stands in messages. Fails (unsupported) where it is not
/// a regular file, (io) where it cannot be opened.
Result<OpenedFile> open_module_file(const std::string& open_path, const std::string& path);

/// What a module's probes are planned by.
struct ModuleContents {
  ElfImage image;    ///< its symbols are ordered by name
  UnwindTable rows;  ///< empty where they are not wanted, or the file has none
};

/// How modules are read.
struct ModuleReading {
  bool with_rows = false;
  const UnwindCache* cache = nullptr;  ///< where rows are kept; may be null
};

/// Reads the file behind `fd`, which stays the caller's; `path` stands in messages. Fails as
/// ElfImage::from_fd does.
Result<ModuleContents> read_module(int fd, const std::string& path, const ModuleReading& how);

/// A file to be read.
struct ModuleToRead {
  std::string open_path;
  std::string alternative;  ///< opened where `open_path` cannot be; empty: nothing
  std::string path;         ///< as processes see it
};

/// Reads files in a thread of its own. What is wrong with one is found out again by who asks for it.
class ModulePreparation {
 public:
  /// Begins to read, 256 MiB of files at most. The first file is left to who asks, who is expected to do so
  /// now. Without a thread to be had, nothing is read.
  ModulePreparation(std::vector<ModuleToRead> files, const ModuleReading& how);
  /// Waits for the file that is being read, if any.
  ~ModulePreparation();
  ModulePreparation(const ModulePreparation&) = delete;
  ModulePreparation& operator=(const ModulePreparation&) = delete;

  /// What was read of the file that was opened at `open_path` and is `key`; waits where it is being read.
  /// None where it was not read, and then it will not be.
  std::optional<ModuleContents> take(const std::string& open_path, const FileKey& key);

 private:
  enum class State : std::uint8_t { waiting, under_way, done };
  struct Job {
    explicit Job(ModuleToRead to_read) : file(std::move(to_read)) {}
    const ModuleToRead file;
    std::atomic<State> state = State::waiting;
    // written before `done`, read after it
    std::string opened_path{};
    FileKey key{};
    std::optional<ModuleContents> contents{};
  };

  void run();
  void read(Job& job);
  /// True for the one who is to read it.
  static bool claim(Job& job);

  const ModuleReading how_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::uint64_t bytes_ = 0;  ///< of the files that were read
  std::atomic<bool> stop_ = false;
  std::thread reader_;
};

}  // namespace leakgate::capture
