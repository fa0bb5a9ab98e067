// SPDX-License-Identifier: Apache-2.0
// What judging asks of a stack, worked out once for each however many groups share it: fingerprint, site,
// whether a runtime or a framework allocated for itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/judge/fingerprint.h"
#include "harness/judge/fnv128.h"
#include "harness/model/recording.h"
#include "harness/model/stack_table.h"

namespace leakgate::judge {

struct StackFacts {
  Fingerprint fingerprint;
  Fnv128 identity;  ///< fingerprint plus files and lines: what makes two allocation sites one
  std::size_t site = 0;
  std::string_view kept_by;  ///< a constant
};

class StackFactsTable {
 public:
  /// Looks at the stacks that `groups` have, side by side where there are many.
  StackFactsTable(const std::shared_ptr<const model::StackTable>& stacks,
                  const std::vector<model::BlockGroup>& groups);

  /// Of a stack of those groups; an index that leads nowhere is that of an empty stack.
  [[nodiscard]] const StackFacts& of(std::uint32_t stack) const;

 private:
  std::vector<StackFacts> facts_;  ///< by row of the table; the last one is that of no stack
};

}  // namespace leakgate::judge
