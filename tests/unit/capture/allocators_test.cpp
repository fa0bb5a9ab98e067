// SPDX-License-Identifier: Apache-2.0
// The allocator table, and the plans for the objects this machine has.
#include "harness/capture/planner/allocators.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <set>
#include <string>

namespace leakgate::capture {
namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;

/// The object this very process gets `malloc` from.
std::string serving_object() {
  Dl_info info{};
  void* const address = ::dlsym(RTLD_DEFAULT, "malloc");
  return address && ::dladdr(address, &info) && info.dli_fname ? info.dli_fname : "";
}

const PlannedProbe* probe_named(const std::vector<PlannedProbe>& probes, std::string_view name) {
  for (const PlannedProbe& probe : probes)
    if (std::find(probe.names.begin(), probe.names.end(), name) != probe.names.end()) return &probe;
  return nullptr;
}

class ServingAllocator : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = ElfImage::open(serving_object());
    ASSERT_TRUE(opened) << opened.error().message;
    image_.emplace(std::move(*opened));
    auto planned = plan_allocator_probes(*image_, &refused_);
    ASSERT_TRUE(planned) << planned.error().message;
    probes_ = std::move(*planned);
  }
  std::optional<ElfImage> image_;
  std::vector<PlannedProbe> probes_;
  std::vector<RefusedProbe> refused_;
};

TEST(Allocators, NamesAreUniqueAndArgumentsAreRegisters) {
  std::set<std::string_view> names;
  for (const AllocatorFunction& function : allocator_functions()) {
    EXPECT_TRUE(names.insert(function.name).second) << function.name;
    for (const int argument : {function.size_argument, function.count_argument, function.old_pointer_argument,
                               function.out_pointer_argument}) {
      EXPECT_GE(argument, -1);
      EXPECT_LT(argument, 6);
    }
    EXPECT_EQ(function.with_result(), function.size_argument != kNoArgument) << function.name;
    EXPECT_EQ(function.old_pointer_argument == kNoArgument, function.role == AllocatorRole::allocate)
        << function.name;
  }
}

TEST(Allocators, WhatMayThrowHasNoReturnProbe) {
  int throwing = 0;
  for (const AllocatorFunction& function : allocator_functions()) {
    EXPECT_EQ(function.may_throw, function.name == "operator new") << function.name;
    if (!function.may_throw) continue;
    ++throwing;
    EXPECT_TRUE(function.with_result());
    EXPECT_FALSE(function.with_return());
    EXPECT_TRUE(function.beside_malloc);
  }
  EXPECT_EQ(throwing, 1);
}

TEST_F(ServingAllocator, TheWholeFamilyIsPlanned) {
  for (const char* name :
       {"malloc", "calloc", "realloc", "free", "posix_memalign", "aligned_alloc", "memalign"})
    EXPECT_TRUE(probe_named(probes_, name)) << name;
  EXPECT_TRUE(refused_.empty());
}

TEST_F(ServingAllocator, EachAddressIsProbedOnce) {
  std::set<std::uint64_t> addresses;
  for (const PlannedProbe& probe : probes_)
    EXPECT_TRUE(addresses.insert(probe.plan.vaddr - probe.plan.offset_in_function).second);
}

TEST_F(ServingAllocator, TheFileOffsetHoldsTheInstructionThatRuns) {
  std::ifstream file(serving_object(), std::ios::binary);
  for (const char* name : {"malloc", "free", "calloc", "realloc"}) {
    const PlannedProbe* probe = probe_named(probes_, name);
    ASSERT_TRUE(probe);
    const auto* loaded =
        static_cast<const unsigned char*>(::dlsym(RTLD_DEFAULT, name)) + probe->plan.offset_in_function;
    unsigned char bytes[8] = {};
    file.seekg(static_cast<std::streamoff>(probe->plan.file_offset));
    file.read(reinterpret_cast<char*>(bytes), sizeof bytes);
    EXPECT_TRUE(std::equal(bytes, bytes + sizeof bytes, loaded)) << name;
  }
}

TEST_F(ServingAllocator, TheCommonFunctionsGetCheapProbes) {
  // Not a law, but true of every glibc and jemalloc looked at; if a new one breaks it, the planner wants a
  // look.
  for (const char* name : {"malloc", "free"}) {
    const PlannedProbe* probe = probe_named(probes_, name);
    ASSERT_TRUE(probe);
    EXPECT_EQ(probe->plan.cost, CostClass::emulated) << name << ": " << probe->plan.reason;
  }
}

TEST_F(ServingAllocator, ReturnProbesStandWhereTheReturnAddressIsAtTheStackPointer) {
  for (const PlannedProbe& probe : probes_) {
    // a sanitizer's allocator brings its own operator new, which may throw
    EXPECT_EQ(probe.with_return,
              probe.function->role != AllocatorRole::release && !probe.function->may_throw);
    if (probe.with_return) {
      EXPECT_EQ(probe.plan.stack_moved_bytes, 0) << probe.function->name;
    }
  }
}

TEST_F(ServingAllocator, AliasesShareOneProbeUnderTheFirstNameOfTheTable) {
  const PlannedProbe* aligned = probe_named(probes_, "aligned_alloc");
  const PlannedProbe* old = probe_named(probes_, "memalign");
  ASSERT_TRUE(aligned && old);
  if (::dlsym(RTLD_DEFAULT, "aligned_alloc") == ::dlsym(RTLD_DEFAULT, "memalign")) {
    EXPECT_EQ(aligned, old);
    EXPECT_EQ(aligned->function->name, "aligned_alloc");
    EXPECT_THAT(aligned->names, IsSupersetOf({std::string("aligned_alloc"), std::string("memalign")}));
  } else {
    EXPECT_NE(aligned, old);
  }
  EXPECT_EQ(aligned->function->size_argument, 1);
}

TEST(AllocatorPlans, AProgramThatOnlyImportsThemNeedsNone) {
  // This test program calls malloc and defines none.
  void* volatile block = std::malloc(1);
  std::free(block);
  const auto image = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(image);
  const auto probes = plan_allocator_probes(*image);
  ASSERT_TRUE(probes);
  EXPECT_TRUE(probes->empty());
}

TEST(AllocatorPlans, TheDynamicLinkersOwnMallocIsLeftAlone) {
  const auto exe = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(exe);
  const auto image = ElfImage::open(exe->interpreter());
  ASSERT_TRUE(image) << image.error().message;
  if (!image->soname().starts_with("ld-linux")) GTEST_SKIP() << "not glibc's dynamic linker";
  const auto probes = plan_allocator_probes(*image);
  ASSERT_TRUE(probes);
  EXPECT_TRUE(probes->empty());
}

TEST(AllocatorPlans, AStaticProgramIsPlannedFromItsOwnSymbols) {
  const auto image = ElfImage::open(LEAKGATE_STATIC_FIXTURE);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_TRUE(image->is_static());
  std::vector<RefusedProbe> refused;
  const auto probes = plan_allocator_probes(*image, &refused);
  ASSERT_TRUE(probes) << probes.error().message;
  for (const char* name : {"malloc", "calloc", "realloc", "free"})
    EXPECT_TRUE(probe_named(*probes, name)) << name;
  EXPECT_TRUE(refused.empty());
}

/// libstdc++'s operators, linked into a static program, end in the C functions.
TEST(AllocatorPlans, OperatorsThatGoThroughMallocNeedNoProbe) {
  const auto image = ElfImage::open(LEAKGATE_STATIC_CXX_FIXTURE);
  ASSERT_TRUE(image) << image.error().message;
  ASSERT_TRUE(image->find("_Znwm"));
  ASSERT_TRUE(image->find("_ZdlPvm"));
  std::vector<RefusedProbe> refused;
  const auto probes = plan_allocator_probes(*image, &refused);
  ASSERT_TRUE(probes) << probes.error().message;
  EXPECT_TRUE(probe_named(*probes, "malloc"));
  for (const PlannedProbe& probe : *probes)
    EXPECT_FALSE(probe.function->name.starts_with("operator")) << probe.names.front();
  EXPECT_TRUE(refused.empty());
}

/// Operators with an arena of their own: entry and every way out, tail calls followed, and no return probe.
TEST(AllocatorPlans, OperatorsBesideMallocAreProbedAtTheirReturns) {
  const auto image = ElfImage::open(LEAKGATE_OWN_OPERATORS_FIXTURE);
  ASSERT_TRUE(image) << image.error().message;
  std::vector<RefusedProbe> refused;
  const auto probes = plan_allocator_probes(*image, &refused);
  ASSERT_TRUE(probes) << probes.error().message;
  EXPECT_TRUE(refused.empty());
  const PlannedProbe* plain = probe_named(*probes, "_Znwm");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->function->name, "operator new");
  EXPECT_FALSE(plain->with_return);
  EXPECT_EQ(plain->plan.stack_moved_bytes, 0);
  // one in the operator itself, one in the slow path that it ends in
  EXPECT_EQ(plain->return_offsets.size(), 2u);
  for (const std::uint64_t offset : plain->return_offsets) {
    const auto vaddr = image->vaddr(offset);
    ASSERT_TRUE(vaddr);
    const auto byte = image->read_code(*vaddr, 1);
    ASSERT_TRUE(byte);
    EXPECT_TRUE((*byte)[0] == 0xc3 || (*byte)[0] == 0xf3);
  }
  EXPECT_FALSE(probe_named(*probes, "_Znam")) << "new[] ends in new";
  EXPECT_FALSE(probe_named(*probes, "_ZnwmRKSt9nothrow_t")) << "goes through malloc";
  EXPECT_FALSE(probe_named(*probes, "_ZdlPv")) << "ends in free";
  const PlannedProbe* sized = probe_named(*probes, "_ZdlPvm");
  ASSERT_TRUE(sized);
  EXPECT_EQ(sized->function->role, AllocatorRole::release);
}

TEST(AllocatorPlans, AProgramsOwnMallocIsFoundAndALocalFreeIsNot) {
  const auto image = ElfImage::open(LEAKGATE_OWN_MALLOC_FIXTURE);
  ASSERT_TRUE(image) << image.error().message;
  const auto probes = plan_allocator_probes(*image);
  ASSERT_TRUE(probes) << probes.error().message;
  EXPECT_TRUE(probe_named(*probes, "malloc"));
  EXPECT_FALSE(probe_named(*probes, "cfree"));  // a file-local function of that name
}

TEST(AllocatorPlans, AnIfuncIsRefusedByName) {
  const auto image = ElfImage::open(LEAKGATE_OWN_MALLOC_FIXTURE);
  ASSERT_TRUE(image) << image.error().message;
  std::vector<RefusedProbe> refused;
  const auto probes = plan_allocator_probes(*image, &refused);
  ASSERT_TRUE(probes);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].name, "valloc");
  EXPECT_THAT(refused[0].error.message, ::testing::HasSubstr("ifunc"));
}

}  // namespace
}  // namespace leakgate::capture
