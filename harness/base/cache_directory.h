// SPDX-License-Identifier: Apache-2.0
// CacheDirectory: files that are kept between runs. The directory and its files must be ours alone to write;
// who asks must be able to do without any of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"

namespace leakgate {

/// A file of the cache, open for reading.
struct CachedFile {
  Descriptor descriptor;
  std::uint64_t bytes = 0;

  /// Reads the next `size` bytes; false when there are not so many, or they cannot be read.
  [[nodiscard]] bool read(void* to, std::size_t size) const;
};

/// All files of a cache together: the rows of a thousand builds of a program of 65 MB.
inline constexpr std::uint64_t kMostCacheBytes = 512u << 20;

class CacheDirectory {
 public:
  /// Opens `path`, creating it (mode 0700, its parent must exist) when missing. Fails (permission) when it is
  /// a symbolic link, not owned by the effective user, or writable by group or others; (io) when it cannot be
  /// opened. `what` it is stands in messages. The first file that is put there in an hour takes away
  /// those that were not used for longest, if all are more than `most_bytes`, and drafts of a day ago.
  static Result<CacheDirectory> open(const std::string& path, std::string what,
                                     std::uint64_t most_bytes = kMostCacheBytes);

  /// The file called `name`; nothing when there is none, or others may have written it.
  [[nodiscard]] std::optional<CachedFile> find(const std::string& name) const;
  /// Puts a file with these contents (mode 0600) in place of an older one in one step. Fails (io) when
  /// writing fails; the directory is then as it was. Not synchronised: a crash may leave a torn file, which
  /// readers must notice.
  Status replace(const std::string& name, std::initializer_list<std::span<const std::byte>> contents) const;

 private:
  CacheDirectory(Descriptor directory, std::string what, std::uint64_t most_bytes)
      : directory_(std::move(directory)), what_(std::move(what)), most_bytes_(most_bytes) {}

  void tidy() const;

  Descriptor directory_;
  std::string what_;
  std::uint64_t most_bytes_;
};

}  // namespace leakgate
