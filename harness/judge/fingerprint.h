// SPDX-License-Identifier: Apache-2.0
// The fingerprint: one identity for one bug across builds. Frames in, "lg1:" and 32 hex digits out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/judge/site.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

struct Fingerprint {
  std::string text;
  bool needs_test = false;  ///< a test function is in the stack whose name is but a number

  bool operator==(const Fingerprint&) const = default;
};

/// A hash over function and module names of `stack`: allocator and standard library frames are left out
/// (their inlining differs between builds), the first frame of a framework or of start-up code ends it. No
/// lines, no addresses, no parameter lists, no compiler suffixes, no numbers that compilers and macros count
/// (see stable_name.h), no library versions. A frame without a name counts by its module alone, a function
/// that calls itself once.
Fingerprint fingerprint_of(const std::vector<model::VerdictFrame>& stack,
                           const std::vector<FrameOwner>& owners);

/// The fingerprint in the test `test_id`, which stands for the number where one is needed.
std::string in_test(const Fingerprint& fingerprint, std::string_view test_id);

}  // namespace leakgate::judge
