// SPDX-License-Identifier: Apache-2.0
// Files written whole or not at all, and the question asked before a run whether that will work; reading a
// whole file, bounded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/base/result.h"

namespace leakgate {

/// Writes `content` to `path` so that a reader sees the old file or the new one, never a part. "-" is
/// standard output. A path that exists and is no regular file (a fifo, /dev/null) is written directly. Fails
/// with ErrorKind::io or permission; the old file is then untouched.
Status write_whole(const std::string& path, std::string_view content);

/// Tells whether write_whole(path, ...) can work, and leaves nothing behind. Fails as write_whole would.
Status check_writable(const std::string& path);

/// The content of the file at `path`. Fails if it cannot be read (not_found, permission, io) or is longer
/// than `max_bytes` (format).
Result<std::string> read_whole(const std::string& path, std::uint64_t max_bytes);

}  // namespace leakgate
