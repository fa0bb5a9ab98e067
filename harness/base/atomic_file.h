// SPDX-License-Identifier: Apache-2.0
// Files written whole or not at all, and the question asked before a run whether that will work; reading a
// whole file, bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace leakgate {

/// Writes `content` to `path` so that a reader sees the old file or the new one, never a part. "-" is
/// standard output. A path that exists and is no regular file (a fifo, /dev/null) is written directly. Fails
/// with ErrorKind::io or permission; the old file is then untouched.
Status write_whole(const std::string& path, std::string_view content);

/// A file written in pieces, whole or not at all: as write_whole, for content that should not be in memory
/// all at once. What was appended appears at the path on commit(); without it the old file stays.
class WholeFile {
 public:
  /// Starts a file for `path`. Fails as write_whole does.
  static Result<WholeFile> create(const std::string& path);
  WholeFile(WholeFile&&) noexcept;
  WholeFile& operator=(WholeFile&&) = delete;
  ~WholeFile();

  /// Adds `content`. Fails as write_whole does.
  Status append(std::string_view content);
  /// Puts the file in place. Fails as write_whole does; the old file is then untouched.
  Status commit();

 private:
  struct State;
  explicit WholeFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Tells whether write_whole(path, ...) can work, and leaves nothing behind. Fails as write_whole would.
Status check_writable(const std::string& path);

/// The content of the file at `path`. Fails if it cannot be read (not_found, permission, io) or is longer
/// than `max_bytes` (format).
Result<std::string> read_whole(const std::string& path, std::uint64_t max_bytes);

}  // namespace leakgate
