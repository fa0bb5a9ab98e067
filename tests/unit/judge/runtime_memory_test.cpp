// SPDX-License-Identifier: Apache-2.0
// Memory the runtime keeps for itself is told from what it allocates for its caller.
#include "harness/judge/runtime_memory.h"

#include <gtest/gtest.h>

namespace leakgate::judge {
namespace {

constexpr const char* kLibc = "/lib/x86_64-linux-gnu/libc.so.6";
constexpr const char* kLoader = "/lib64/ld-linux-x86-64.so.2";
constexpr const char* kLibstdcxx = "/lib/x86_64-linux-gnu/libstdc++.so.6.0.30";

model::VerdictFrame frame(std::string_view function, std::string_view module = "/app/tests") {
  model::VerdictFrame result;
  result.function = function;
  result.module = module;
  return result;
}

std::string_view keeper(const std::vector<model::VerdictFrame>& stack, bool truncated = false) {
  return allocating_runtime(stack, owners_of(stack), truncated);
}

TEST(RuntimeMemory, ThreadControlBlocksAreTheDynamicLinkers) {
  EXPECT_EQ(keeper({frame("calloc", kLoader), frame("allocate_dtv", kLoader),
                    frame("_dl_allocate_tls", kLoader), frame("pthread_create", kLibc), frame("main")}),
            "the dynamic linker");
}

TEST(RuntimeMemory, InAStaticProgramTheDynamicLinkerIsKnownByItsNames) {
  EXPECT_EQ(keeper({frame("_dl_new_object"), frame("_dl_non_dynamic_init"), frame("__libc_start_main"),
                    frame("_start")}),
            "the dynamic linker");
  EXPECT_EQ(keeper({frame("load_plugin()"), frame("main")}), "");
}

TEST(RuntimeMemory, StdioBuffersAreStdios) {
  EXPECT_EQ(keeper({frame("_IO_file_doallocate", kLibc), frame("printf", kLibc), frame("main")}), "stdio");
  EXPECT_EQ(keeper({frame("__GI__IO_file_doallocate", kLibc), frame("puts", kLibc), frame("main")}), "stdio");
}

TEST(RuntimeMemory, StartUpCodeOfRuntimeLibrariesIsTheRuntimes) {
  const std::vector<model::VerdictFrame> stack = {frame("", kLibstdcxx), frame("call_init", kLoader),
                                                  frame("_dl_init", kLoader),
                                                  frame("_dl_start_user", kLoader)};
  EXPECT_EQ(keeper(stack), "the C++ runtime");
  EXPECT_EQ(keeper({frame("_GLOBAL__sub_I_eh_alloc.cc"), frame("__libc_start_main"), frame("_start")}),
            "the C++ runtime");
  EXPECT_EQ(keeper(stack, true), "") << "where the stack was cut, the user's frames may be what is missing";
}

TEST(RuntimeMemory, AllocatorsSetThemselvesUp) {
  constexpr const char* kTcmalloc = "/lib/x86_64-linux-gnu/libtcmalloc.so.4.5.10";
  EXPECT_EQ(keeper({frame("TCMallocGuard::TCMallocGuard()", kTcmalloc), frame("", kTcmalloc),
                    frame("call_init", kLoader), frame("_dl_init", kLoader)}),
            "the allocator");
  EXPECT_EQ(keeper({frame("MallocExtension::Initialize()"), frame("_start")}), "the allocator");
  EXPECT_EQ(keeper({frame("mi_new_aligned", "/lib/libmimalloc.so.2"), frame("make()"), frame("main")}), "");
}

TEST(RuntimeMemory, SanitizersSetThemselvesUp) {
  EXPECT_EQ(keeper({frame("asprintf", kLibc), frame("dlerror", kLibc), frame("__asan::AsanInitInternal()"),
                    frame("_dl_init", kLoader)}),
            "the sanitizer");
  EXPECT_EQ(keeper({frame("make()"), frame("__asan::run(make())")}), "");
}

TEST(RuntimeMemory, LocaleTablesAreTheCLibrarys) {
  EXPECT_EQ(keeper({frame("_nl_find_locale", kLibc), frame("setlocale", kLibc), frame("main")}),
            "the C library");
}

TEST(RuntimeMemory, ValuesOfTheEnvironmentAreTheCLibrarys) {
  EXPECT_EQ(keeper({frame("tsearch", kLibc), frame("__add_to_environ", kLibc), frame("setenv", kLibc),
                    frame("main")}),
            "the C library");
  EXPECT_EQ(keeper({frame("", kLibc), frame("setenv", kLibc), frame("main")}), "the C library");
  EXPECT_EQ(keeper({frame("tsearch", kLibc), frame("main")}), "");
  EXPECT_EQ(keeper({frame("setenv"), frame("main")}), "") << "a function of the program's own";
}

TEST(RuntimeMemory, WhatALibraryFunctionAllocatesForItsCallerIsTheCallers) {
  EXPECT_EQ(keeper({frame("strdup", kLibc), frame("main")}), "");
  EXPECT_EQ(keeper({frame("fopen", kLibc), frame("main")}), "");
  EXPECT_EQ(keeper({frame("getline", kLibc), frame("main")}), "");
  EXPECT_EQ(keeper({frame("operator new(unsigned long)", kLibstdcxx), frame("make()"), frame("main")}), "");
}

TEST(RuntimeMemory, WhatAThreadOfTheCLibraryAllocatesForTheProgramIsThePrograms) {
  EXPECT_EQ(keeper({frame("generate_addrinfo", kLibc), frame("getaddrinfo", kLibc),
                    frame("handle_requests", kLibc), frame("start_thread", kLibc), frame("clone3", kLibc)}),
            "");
  EXPECT_EQ(
      keeper({frame("", "/lib/libjemalloc.so.2"), frame("start_thread", kLibc), frame("clone3", kLibc)}),
      "the allocator");
}

TEST(RuntimeMemory, ConstructorsOfTheUsersLibrariesAreTheUsers) {
  EXPECT_EQ(keeper({frame("plugin_init()", "/app/libplugin.so"), frame("call_init", kLoader),
                    frame("_dl_init", kLoader)}),
            "");
}

TEST(RuntimeMemory, NothingIsKnownOfAnEmptyStack) {
  EXPECT_EQ(keeper({}), "");
}

}  // namespace
}  // namespace leakgate::judge
