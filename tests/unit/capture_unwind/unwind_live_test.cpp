// SPDX-License-Identifier: Apache-2.0
// Walks of real stacks of this process, compared frame for frame with libgcc's _Unwind_Backtrace.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unwind.h>

#include <string>
#include <vector>

#include "harness/capture/unwind/unwind_walker.h"
#include "tests/unit/capture_unwind/live_programs.h"
#include "tests/unit/capture_unwind/process_space.h"

using leakgate::capture::walk;
using leakgate::capture::WalkedStack;
using leakgate::capture::WalkEnd;
using leakgate::capture::WalkRegisters;
using leakgate::unwind_test::ProcessSpace;
using leakgate::unwind_test::Program;
using leakgate::unwind_test::ProgramList;

extern "C" {
const Program* programs_o0(int* count);
const Program* programs_o2_omit(int* count);
const Program* programs_o3_frame(int* count);
const Program* programs_os_sections(int* count);
}

namespace {

struct Compared {
  ProcessSpace* space = nullptr;
  WalkedStack walked;
  std::vector<std::uint64_t> expected;
  int calls = 0;
};

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* frames) {
  // libgcc shows the caller of the outermost frame too, with pc 0.
  const std::uint64_t pc = _Unwind_GetIP(context);
  if (pc != 0) static_cast<std::vector<std::uint64_t>*>(frames)->push_back(pc);
  return _URC_NO_REASON;
}

__attribute__((noinline)) void compare_stacks(void* self) {
  auto& compared = *static_cast<Compared*>(self);
  ++compared.calls;
  compared.expected.clear();
  WalkRegisters registers;
  asm volatile("leaq 0(%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
               : "=r"(registers.rip), "=r"(registers.rsp), "=r"(registers.rbp));
  walk(registers, *compared.space, compared.walked);
  _Unwind_Backtrace(add_frame, &compared.expected);
}

std::string hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "%#lx", static_cast<unsigned long>(value));
  return text;
}

/// Frame 0 is in compare_stacks in both, at different instructions; from there on all must be equal.
void expect_equal(const Compared& compared) {
  ASSERT_EQ(compared.calls, 1);
  const WalkedStack& walked = compared.walked;
  const bool cut = compared.expected.size() > LG_MAX_FRAMES;
  EXPECT_EQ(walked.end, cut ? WalkEnd::depth : WalkEnd::complete);
  ASSERT_EQ(walked.count, cut ? std::size_t{LG_MAX_FRAMES} : compared.expected.size());
  for (std::size_t i = 1; i < walked.count; ++i) {
    EXPECT_EQ(hex(walked.frames[i]), hex(compared.expected[i])) << "frame " << i;
  }
}

void run_all(ProgramList list) {
  int count = 0;
  const Program* programs = list(&count);
  ASSERT_GT(count, 0);
  ProcessSpace space;
  for (int i = 0; i < count; ++i) {
    SCOPED_TRACE(programs[i].name);
    Compared compared;
    compared.space = &space;
    programs[i].run(compare_stacks, &compared);
    expect_equal(compared);
  }
}

TEST(UnwindLive, WalksProgramsWithoutOptimisation) {
  run_all(programs_o0);
}
TEST(UnwindLive, WalksProgramsWithoutFramePointers) {
  run_all(programs_o2_omit);
}
TEST(UnwindLive, WalksProgramsWithFramePointersAtO3) {
  run_all(programs_o3_frame);
}
TEST(UnwindLive, WalksProgramsOptimisedForSize) {
  run_all(programs_os_sections);
}

TEST(UnwindLive, WalksClangBuiltLibraryLoadedWithDlopen) {
#ifdef LEAKGATE_CLANG_PROGRAMS
  void* library = dlopen(LEAKGATE_CLANG_PROGRAMS, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  auto list = reinterpret_cast<ProgramList>(dlsym(library, "programs_clang"));
  ASSERT_NE(list, nullptr);
  run_all(list);
#else
  GTEST_SKIP() << "clang++ was not found";
#endif
}

}  // namespace
