// SPDX-License-Identifier: Apache-2.0
// The JSON body of a recording file: one table per vector of Recording, strings of frames in a table of their
// own. Members at their default value are left out. frames are rows [function, full_function, file, line,
// column, inlined, module, offset], the first three indexes into strings, module an index or -1.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/model/recording.h"
#include "harness/model/recording_scan.h"

namespace leakgate::model {

/// The body for `recording` (recording_writer.cpp).
std::string format_tables(const Recording& recording);

/// The recording in `body`, in which a scan found `lists`; every index is checked (recording_reader.cpp).
/// Fails with ErrorKind::format.
Result<Recording> parse_tables(std::string_view body, const std::vector<ListSpan>& lists);

}  // namespace leakgate::model
