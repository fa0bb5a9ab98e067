// SPDX-License-Identifier: Apache-2.0
// In the C library of this very program, and in the program itself, which has what Catch2 and doctest have.
#include "harness/capture/planner/old_actions.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>

#include "harness/base/elf_image.h"

namespace {

constexpr std::size_t kActions = 6;

}  // namespace

// As the frameworks' compilers name them. The last one is no array of such structures.
extern "C" {
struct sigaction of_catch2[kActions] asm("_ZN5CatchL13oldSigActionsE");
struct sigaction of_doctest[kActions] asm(
    "_ZN7doctest12_GLOBAL__N_121FatalConditionHandler13oldSigActionsE.lto_priv.0");
char of_others[100] asm("_ZN5Catch21FatalConditionHandler13oldSigActionsE");
}

namespace leakgate::capture {
namespace {

std::uint64_t bytes_of(const model::MemoryRange& range) {
  return range.end - range.start;
}

TEST(OldActions, TheCLibrarysAreThoseOfItsSystemFunction) {
  Dl_info where{};
  // not sigaction() itself, which is the sanitizer's where one is linked
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&gnu_get_libc_version), &where), 0);
  const auto image = ElfImage::open(where.dli_fname);
  ASSERT_TRUE(image) << image.error().message;
  const auto found = find_old_actions(*image);
  ASSERT_EQ(found.size(), 2u) << "of SIGINT and SIGQUIT";
  for (const auto& actions : found)
    EXPECT_EQ(bytes_of(actions), sizeof(struct sigaction));
  EXPECT_GE(found[1].start, found[0].end);
}

TEST(OldActions, FrameworksAreKnownByTheirNames) {
  const auto image = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(image) << image.error().message;
  const auto found = find_old_actions(*image);
  ASSERT_EQ(found.size(), 2u);
  for (const auto& actions : found)
    EXPECT_EQ(bytes_of(actions), kActions * sizeof(struct sigaction));
  const auto distance =
      reinterpret_cast<std::uintptr_t>(&of_catch2) - reinterpret_cast<std::uintptr_t>(&of_doctest);
  EXPECT_TRUE(found[1].start - found[0].start == distance || found[0].start - found[1].start == distance);
  EXPECT_EQ(of_others[0], 0);
}

}  // namespace
}  // namespace leakgate::capture
