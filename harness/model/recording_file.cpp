// SPDX-License-Identifier: Apache-2.0
// The envelope of a recording file: version line, JSON body, end line. Bytes in, a checked body out, and
// back; what the tables in the body mean is in recording_tables.cpp.
#include "harness/model/recording_file.h"

#include <charconv>

#include <fmt/format.h>

#include "harness/base/atomic_file.h"
#include "harness/base/fnv1a.h"
#include "harness/base/text.h"
#include "harness/model/recording_tables.h"

namespace leakgate::model {
namespace {

constexpr std::string_view kMagic = "leakgate-recording/";
constexpr std::string_view kVersion = "1";
constexpr std::string_view kEnd = "end ";
constexpr std::uint64_t kMaxFileBytes = 1ull << 30;
constexpr std::size_t kMaxDepth = 16;

Error malformed(std::string message, std::string hint = "record the run again") {
  return Error{ErrorKind::format, std::move(message), std::move(hint)};
}

std::string end_line(std::string_view body) {
  return fmt::format("{}{} {:016x}\n", kEnd, body.size(), fnv1a(body));
}

/// The body between the version line and the end line, both checked.
Result<std::string_view> open_envelope(std::string_view text) {
  if (!text.starts_with(kMagic)) {
    if (kMagic.starts_with(text)) return malformed("the recording is truncated: it ends in its first line");
    return malformed("not a leakgate recording", "give a file written by leakgate record");
  }
  const auto line_end = text.find('\n');
  if (line_end == std::string_view::npos && text.size() < 64)
    return malformed("the recording is truncated: it ends in its first line");
  const auto version = text.substr(0, line_end).substr(kMagic.size());
  if (version != kVersion) {
    unsigned number = 0;
    const auto parsed = std::from_chars(version.data(), version.data() + version.size(), number);
    const bool is_number = parsed.ec == std::errc{} && parsed.ptr == version.data() + version.size();
    if (is_number && number > 1)
      return malformed(fmt::format("the recording has format version {}, this leakgate reads version {}",
                                   number, kVersion),
                       "judge it with the leakgate that recorded it, or a newer one");
    return malformed(
        fmt::format("the recording has an unknown format version '{}'", printable(shorten(version, 40))),
        "give a file written by leakgate record");
  }
  const auto body = text.substr(line_end + 1);
  const auto last = body.rfind("\nend ");
  if (last == std::string_view::npos || body.back() != '\n')
    return malformed("the recording is truncated: its last line is missing");
  const auto content = body.substr(0, last + 1);
  if (body.substr(last + 1) != end_line(content))
    return malformed("the recording is damaged: its content does not match its checksum");
  return content;
}

}  // namespace

std::string seal_recording(std::string_view body) {
  std::string content(body);
  if (content.empty() || content.back() != '\n') content += '\n';
  return fmt::format("{}{}\n{}{}", kMagic, kVersion, content, end_line(content));
}

std::string format_recording(const Recording& recording) {
  return seal_recording(format_tables(recording));
}

Status write_recording(const Recording& recording, const std::string& path) {
  return write_whole(path, format_recording(recording));
}

Result<Recording> parse_recording(std::string_view text) {
  auto body = open_envelope(text);
  if (!body) return std::move(body).error();
  const BodyScan scan = scan_body(*body);  // before a parser sees it: the input is hostile
  if (scan.deepest > kMaxDepth) return malformed("the recording is not valid: its JSON is nested too deeply");
  return parse_tables(*body, scan.lists);
}

Result<Recording> read_recording(const std::string& path) {
  auto text = read_whole(path, kMaxFileBytes);
  if (!text) return std::move(text).error();
  auto recording = parse_recording(*text);
  if (!recording) return std::move(recording).error().with_context(path);
  return recording;
}

}  // namespace leakgate::model
