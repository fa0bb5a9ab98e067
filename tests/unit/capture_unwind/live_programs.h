// SPDX-License-Identifier: Apache-2.0
// The programs whose stacks are walked: each calls back from a place that is hard to unwind.
#pragma once

namespace leakgate::unwind_test {

/// Called at the point where the stack is to be compared.
using Probe = void (*)(void* self);

struct Program {
  const char* name;
  void (*run)(Probe probe, void* self);
};

/// One variant's programs; `count` is set to their number. Defined once per variant, under the name
/// LEAKGATE_PROGRAMS.
using ProgramList = const Program* (*)(int* count);

}  // namespace leakgate::unwind_test
