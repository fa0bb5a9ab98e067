// SPDX-License-Identifier: Apache-2.0
// Places outside the scenarios' own code that may hold the last pointer to a block.
#pragma once

#include <array>
#include <cstdint>

namespace leakgate::simulator {

/// Stands in main's frame, which lives until the process has ended: main leaves by std::exit.
struct MainFrame {
  std::array<char*, 2> held{};  ///< by twin
};

/// Each program's main puts its own here.
inline MainFrame* main_frame = nullptr;

/// Sets `ready` to 1, wakes one thread that waits for it, and waits until `may_end` is not 0 any more. From
/// before `ready` is set until the return the complement of `hidden` stands in a register of this thread, and
/// nowhere else. One file per processor.
void wait_with_register(std::uintptr_t hidden, std::uint32_t& ready, const std::uint32_t& may_end);

}  // namespace leakgate::simulator
