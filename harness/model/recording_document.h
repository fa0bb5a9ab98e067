// SPDX-License-Identifier: Apache-2.0
// RecordingDocument: the JSON body of a recording, parsed, but for the rows of its largest table: frames are
// kept as plain numbers. As JSON values they would be most of the time and memory that reading takes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "harness/model/recording_scan.h"

namespace leakgate::model {

/// A row of the table "frames": eight whole numbers, one of which (module) may be -1.
struct FrameRow {
  static constexpr std::size_t kColumns = 8;
  static constexpr std::size_t kModule = 6;
  std::array<std::uint64_t, kColumns> columns{};  ///< kModule: ~0 for -1
};

struct RecordingDocument {
  nlohmann::json body;  ///< its "frames" and "strings" are lists that hold what was no row, if anything
  std::vector<FrameRow> frames;
  std::vector<std::string> strings;
};

/// Parses `text`, of which `lists` are the parts as scan_body found them; nothing if it is not JSON. A list
/// in the table "frames" that is no row of eight whole numbers stays in the body, and so does what is no text
/// in the table "strings".
std::optional<RecordingDocument> parse_document(std::string_view text, const std::vector<ListSpan>& lists);

}  // namespace leakgate::model
