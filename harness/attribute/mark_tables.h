// SPDX-License-Identifier: Apache-2.0
// The tables behind find_marks(): per framework, version and string ABI, the slots to fill and the symbols
// that fill them. How each layout was verified is in docs/frameworks.md.
#pragma once

#include <string>
#include <vector>

#include "harness/attribute/frameworks.h"

namespace leakgate::attribute {

/// A function that can serve a slot. Several symbols may name one function (C1 and C2 constructors) or stand
/// side by side.
struct MarkCandidate {
  std::vector<std::string> symbols;
  MarkLayout layout;
};

/// Which of a slot's candidates are used, of those that exist. That a symbol exists does not mean that it is
/// called: an optimiser may have inlined it everywhere. So whatever may be hit twice without harm is taken
/// together.
enum class Take {
  first,
  each,
  each_if_full,  ///< the first one in MarkSet::wire_only, where two starts would be two windows
};

/// One duty.
struct MarkSlot {
  bool required = false;
  Take take = Take::first;
  std::vector<MarkCandidate> candidates;
};

/// One build of a framework. It is chosen if a symbol of a required slot exists, every group of `needs` has a
/// symbol that exists, and one of `evidence` does, which tells the string ABI; the variant marked `fallback`
/// does without evidence. None is chosen where one of `excluded_by` exists.
struct FrameworkVariant {
  model::Framework framework = model::Framework::none;
  std::string family;  ///< variants of one family exclude each other
  std::string name;
  std::vector<std::vector<std::string>> needs;
  std::vector<std::string> evidence;
  std::vector<std::string> excluded_by;
  bool fallback = false;
  std::vector<MarkSlot> slots;
};

/// All variants; within a family the more telling ones come first.
const std::vector<FrameworkVariant>& framework_variants();

std::vector<FrameworkVariant> gtest_variants();
std::vector<FrameworkVariant> catch2_variants();
std::vector<FrameworkVariant> doctest_variants();
std::vector<FrameworkVariant> boost_test_variants();

/// A std::string of one standard library, as the tables need it.
struct StringAbi {
  std::string_view name;
  TextKind kind;
  std::uint16_t bytes;  ///< sizeof(std::string)
};
inline constexpr StringAbi kCxx11String{"libstdc++", TextKind::std_string, 32};
inline constexpr StringAbi kLibcxxString{"libc++", TextKind::libcxx_string, 24};
inline constexpr StringAbi kCowString{"libstdc++, old string", TextKind::c_string, 8};

}  // namespace leakgate::attribute
