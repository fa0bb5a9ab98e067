// SPDX-License-Identifier: Apache-2.0
// The rules of the SARIF report: what each kind of leak is called there, what it means and what to do about
// it.
#pragma once

#include <string_view>

#include "harness/report/failing.h"

namespace leakgate::report {

struct SarifRule {
  std::string_view id;
  const char* name;
  const char* short_text;
  const char* full_text;
  const char* help;
  const char* level;
  const char* precision;
};

/// In the order of model::Kind: ruleIndex is the kind's number.
inline constexpr SarifRule kSarifRules[] = {
    {"definitely_lost", "DefinitelyLost", "Memory leak: nothing points at the blocks any more",
     "Blocks allocated in a test case were never freed, and when they were judged no pointer to them was "
     "left.",
     "Free the blocks, or let an owner such as std::unique_ptr do it. The code flow leads from the test to "
     "the allocation.",
     "error", "very-high"},
    {"indirectly_lost", "IndirectlyLost", "Memory leak: only lost blocks point at the blocks",
     "Blocks allocated in a test case were never freed, and only blocks that are lost themselves point at "
     "them.",
     "Find the lost block that owns these; freeing it properly usually frees these too.", "error",
     "very-high"},
    {"possibly_lost", "PossiblyLost", "Possible memory leak: only pointers into the blocks are left",
     "Blocks allocated in a test case were never freed, and only pointers into their middle were left.",
     "See whether the pointer into the block is how it is owned; if not, free it.", "warning", "medium"},
    {"still_reachable", "StillReachable", "Blocks outlive their test and are still reachable",
     "Blocks allocated in a test case were never freed, though something still points at them.",
     "Clear the cache or container that holds the blocks when the test ends, or allow this site.", "note",
     "low"},
    {"unclassified", "UnclassifiedBlock", "Memory leak: blocks outlive their test and are never freed",
     "Blocks allocated in a test case were still outstanding when its process ended. Whether something still "
     "points at them "
     "was not examined.",
     "Free the blocks before the test ends, or let an owner such as std::unique_ptr do it.", "error",
     "high"}};

/// Of the gate itself; there only where it is needed, behind the others.
inline constexpr SarifRule kSarifLimitRule = {
    kLimitExceeded,
    "LimitExceeded",
    "The leak gate fails, though no single leak does",
    "A limit of the policy is exceeded by leaks that are allowed one by one, or a suppression is unused or "
    "expired.",
    "Free the blocks that the reports show as allowed, raise the limit, or take the suppression out.",
    "error",
    "very-high"};

}  // namespace leakgate::report
