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

class CacheDirectory {
 public:
  /// Opens `path`, creating it (mode 0700, its parent must exist) when missing. Fails (permission) when it is
  /// a symbolic link, not owned by the effective user, or writable by group or others; (io) when it cannot be
  /// opened. `what` it is stands in messages.
  static Result<CacheDirectory> open(const std::string& path, std::string what);

  /// The file called `name`; nothing when there is none, or others may have written it.
  [[nodiscard]] std::optional<CachedFile> find(const std::string& name) const;
  /// Puts a file with these contents (mode 0600) in place of an older one in one step. Fails (io) when
  /// writing fails; the directory is then as it was. Not synchronised: a crash may leave a torn file, which
  /// readers must notice.
  Status replace(const std::string& name, std::initializer_list<std::span<const std::byte>> contents) const;

 private:
  CacheDirectory(Descriptor directory, std::string what)
      : directory_(std::move(directory)), what_(std::move(what)) {}

  Descriptor directory_;
  std::string what_;
};

}  // namespace leakgate
