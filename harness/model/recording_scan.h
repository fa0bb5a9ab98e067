// SPDX-License-Identifier: Apache-2.0
// A first look at the JSON body of a recording, before a parser sees it: how deep it nests, and where its
// lists begin and end. In: text that may be anything. Out: facts that hold if the text is JSON; whether it
// is, the parser says.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace leakgate::model {

/// A member of the outermost object whose value is a list, with its brackets.
struct ListSpan {
  std::string_view name;  ///< as written: escapes are not resolved
  std::string_view text;
};

struct BodyScan {
  std::size_t deepest = 0;
  std::vector<ListSpan> lists;  ///< in their order
};

/// The spans refer to `body`.
BodyScan scan_body(std::string_view body);

}  // namespace leakgate::model
