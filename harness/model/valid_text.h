// SPDX-License-Identifier: Apache-2.0
// Names in a recording may hold any bytes; files are UTF-8. They are made so once, when the recording is
// made, so that what is judged at once and what is judged from its file is the same.
#pragma once

#include "harness/model/recording.h"

namespace leakgate::model {

/// Makes every text in `recording` valid UTF-8, as escape_invalid_utf8 does.
void make_text_valid(Recording& recording);

}  // namespace leakgate::model
