// SPDX-License-Identifier: Apache-2.0
// Who asks debuginfod: the user that the target is run as, with the target's environment; never leakgate with
// its privileges.
#pragma once

#include "harness/pipeline/record.h"
#include "harness/symbolize/debuginfod.h"

namespace leakgate::pipeline {

/// Nothing where DEBUGINFOD_URLS is not set, or where that user cannot be told.
[[nodiscard]] symbolize::BecomeUser debuginfod_user(const RecordRequest& request);

}  // namespace leakgate::pipeline
