// SPDX-License-Identifier: Apache-2.0
// Reading and patching a stopped process through /proc.
#include "tests/adapters/target_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "harness/base/descriptor.h"

namespace leakgate::adapters_test {

using attribute::TextField;
using attribute::TextKind;

constexpr std::size_t kTextMax = 255;  // as the kernel side: LG_NAME_MAX without the terminator

bool peek(pid_t pid, std::uint64_t address, void* out, std::size_t bytes) {
  const Descriptor memory(::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  return memory &&
         ::pread(memory.get(), out, bytes, static_cast<off_t>(address)) == static_cast<ssize_t>(bytes);
}

bool poke_byte(pid_t pid, std::uint64_t address, std::uint8_t byte) {
  const Descriptor memory(::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDWR | O_CLOEXEC));
  return memory && ::pwrite(memory.get(), &byte, 1, static_cast<off_t>(address)) == 1;
}

namespace {

std::string read_characters(pid_t pid, std::uint64_t address, std::uint64_t limit) {
  std::string text;
  for (char c = 0; text.size() < std::min<std::uint64_t>(limit, kTextMax) &&
                   peek(pid, address + text.size(), &c, 1) && c;) {
    text.push_back(c);
  }
  return text;
}

}  // namespace

std::string read_text(pid_t pid, std::uint64_t object, const TextField& field) {
  const std::uint64_t at = object + field.off;
  switch (field.kind) {
    case TextKind::none:
      return {};
    case TextKind::std_string:
    case TextKind::string_ref:
      return read_characters(pid, peek_value<std::uint64_t>(pid, at), peek_value<std::uint64_t>(pid, at + 8));
    case TextKind::c_string:
      return read_characters(pid, peek_value<std::uint64_t>(pid, at), kTextMax);
    case TextKind::inline_text:
      return read_characters(pid, at, kTextMax);
    case TextKind::libcxx_string: {
      const auto head = peek_value<std::uint8_t>(pid, at);
      if ((head & 1) == 0) return read_characters(pid, at + 1, head >> 1);
      return read_characters(pid, peek_value<std::uint64_t>(pid, at + 16),
                             peek_value<std::uint64_t>(pid, at + 8));
    }
    case TextKind::doctest_string:
      if ((peek_value<std::uint8_t>(pid, at + 23) & 0x80) == 0) return read_characters(pid, at, 23);
      return read_characters(pid, peek_value<std::uint64_t>(pid, at), kTextMax);
  }
  return {};
}

std::uint64_t argument(const user_regs_struct& regs, std::uint8_t number) {
  const std::uint64_t values[] = {regs.rdi, regs.rsi, regs.rdx, regs.rcx, regs.r8, regs.r9};
  return number < std::size(values) ? values[number] : 0;
}

}  // namespace leakgate::adapters_test
