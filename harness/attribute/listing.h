// SPDX-License-Identifier: Apache-2.0
// What a test program says of itself: how it is asked to list its test cases, and how the answer is
// read. In: framework and text. Out: test ids as attribution gives them. Runs nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/model/recording.h"

namespace leakgate::attribute {

/// A test case as its program lists it.
struct ListedTest {
  std::string id;         ///< as in the recording
  bool disabled = false;  ///< would be left out of a run

  bool operator==(const ListedTest&) const = default;
};

/// The arguments that make a program list its test cases, likeliest first; empty where `framework` has none.
std::vector<std::vector<std::string>> listing_arguments(model::Framework framework);

/// `arguments`, which are for a run, without those that give the list another form or send it elsewhere:
/// reporters and files of output.
std::vector<std::string> arguments_for_listing(model::Framework framework,
                                               const std::vector<std::string>& arguments);

/// The test cases in `text`, what the program wrote when it was asked to list them, in its order, each once.
std::vector<ListedTest> parse_listing(model::Framework framework, std::string_view text);

}  // namespace leakgate::attribute
