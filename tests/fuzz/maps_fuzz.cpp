// SPDX-License-Identifier: Apache-2.0
// Fuzz target of the mapping reader: any text as /proc/PID/maps. The names in it are the traced program's own
// choice. Every row that comes back must be one that the unwinder's table can take.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/capture/process_maps.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::size_t lines = 1;
  for (const char letter : text)
    if (letter == '\n') ++lines;
  const auto mappings = leakgate::capture::parse_maps(text);
  if (mappings.size() > lines) std::abort();
  for (const auto& mapping : mappings) {
    if (mapping.start >= mapping.end) std::abort();
    if (mapping.path.find('\n') != std::string::npos || mapping.path.size() > size) std::abort();
  }
  return 0;
}
