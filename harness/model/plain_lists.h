// SPDX-License-Identifier: Apache-2.0
// The two largest lists of a recording, strings and frames, read without building a document: as the writer
// writes them, and as another program may write the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/model/recording_document.h"

namespace leakgate::model {

/// Reads a JSON list that holds texts and nothing else. False, with `out` in any state, if `list` is
/// something else; what is wrong with it, the parser of documents says.
bool read_plain_strings(std::string_view list, std::vector<std::string>& out);

/// Likewise, a list whose elements are lists of eight whole numbers each.
bool read_plain_frames(std::string_view list, std::vector<FrameRow>& out);

}  // namespace leakgate::model
