// SPDX-License-Identifier: Apache-2.0
// Memory and argument registers of a stopped process, and the text fields of a mark in it, read as the kernel
// side does.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>
#include <string>

#include "harness/attribute/frameworks.h"

namespace leakgate::adapters_test {

/// False if not all of it can be read.
bool peek(pid_t pid, std::uint64_t address, void* out, std::size_t bytes);

/// Writes one byte, into read-only code too; false if that cannot be done.
bool poke_byte(pid_t pid, std::uint64_t address, std::uint8_t byte);

/// `otherwise` if the value cannot be read.
template <typename T>
T peek_value(pid_t pid, std::uint64_t address, T otherwise = T{}) {
  T value{};
  return peek(pid, address, &value, sizeof(value)) ? value : otherwise;
}

/// The text, cut at the length that the kernel side keeps; empty if it cannot be read.
std::string read_text(pid_t pid, std::uint64_t object, const attribute::TextField& field);

/// The integer argument with that number at a function's entry; 0 if there is none.
std::uint64_t argument(const user_regs_struct& regs, std::uint8_t number);

}  // namespace leakgate::adapters_test
