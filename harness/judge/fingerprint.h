// SPDX-License-Identifier: Apache-2.0
// The fingerprint: one identity for one bug across builds. Frames in, "lg1:" and 32 hex digits out.
#pragma once

#include <string>
#include <vector>

#include "harness/judge/site.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

/// A hash over function and module names of `stack`: allocator and standard library frames are left out
/// (their inlining differs between builds), the first frame of a framework or of start-up code ends it. No
/// lines, no addresses, no parameter lists, no compiler suffixes, no library versions. A frame without a name
/// counts by its module alone.
std::string fingerprint_of(const std::vector<model::VerdictFrame>& stack,
                           const std::vector<FrameOwner>& owners);

}  // namespace leakgate::judge
