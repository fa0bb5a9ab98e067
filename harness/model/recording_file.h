// SPDX-License-Identifier: Apache-2.0
// The recording as a file (*.lgrec): a version line, one JSON document of tables, a last line with length and
// checksum. What is read back is checked in full: every index refers to a row that exists, so the stages
// after this one may index freely.
#pragma once

#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/model/recording.h"

namespace leakgate::model {

/// Most frames a stack of a recording may have.
inline constexpr std::size_t kMaxStackFrames = 4096;

/// The recording in the file at `path`. Fails if it cannot be read, or as parse_recording does.
Result<Recording> read_recording(const std::string& path);

/// The recording that `text` holds. Fails with ErrorKind::format if it is no recording, of another version,
/// truncated, changed, or inconsistent.
Result<Recording> parse_recording(std::string_view text);

/// The file's content for `recording`. Text that is not UTF-8 is repaired.
std::string format_recording(const Recording& recording);

/// Writes `recording` to `path`, whole or not at all. Fails as write_whole does.
Status write_recording(const Recording& recording, const std::string& path);

/// A file's content around a JSON `body`: version line, body, end line. For writers of recordings and for
/// tests of the reader.
std::string seal_recording(std::string_view body);

}  // namespace leakgate::model
