// SPDX-License-Identifier: Apache-2.0
// Where adapters ask: the places that leakgate/leakgate.h notes in the files it is compiled into. In: an ELF
// file, untrusted. Out: addresses, as noted and unchecked.
#pragma once

#include <cstdint>
#include <vector>

namespace leakgate::capture {

struct QueryPlace {
  std::uint64_t vaddr = 0;          ///< of the instruction to probe
  std::uint64_t counter_vaddr = 0;  ///< of the 16-bit word that says whether it is probed
  std::uint64_t hook_vaddr = 0;     ///< of the pointer to a function that is to be asked; 0: an older adapter
};

/// The places noted in the file behind `fd`, which stays the caller's; each once, by address. Empty for what
/// is no ELF file.
std::vector<QueryPlace> find_query_places(int fd);

}  // namespace leakgate::capture
