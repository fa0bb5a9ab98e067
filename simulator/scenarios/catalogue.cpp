// SPDX-License-Identifier: Apache-2.0
// The catalogue: one line per family. A new family is a file beside this one and an entry here.
#include <array>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {

std::span<const std::span<const Scenario>> catalogue() {
  static const std::array<std::span<const Scenario>, 12> families = {
      basic_scenarios(),     kind_scenarios(),     cause_scenarios(),  library_scenarios(),
      thread_scenarios(),    benign_scenarios(),   growth_scenarios(), shape_scenarios(),
      ownership_scenarios(), lifetime_scenarios(), root_scenarios(),   plugin_scenarios()};
  return families;
}

}  // namespace leakgate::simulator
