// SPDX-License-Identifier: Apache-2.0
// Every allocator that Debian ships, linked, preloaded and static: exact blocks, bytes and lines with each.
// What it is that serves a process is found in the process; nothing here says it to leakgate.
#include <gmock/gmock.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::ElementsAre;
using testing::IsSubsetOf;
using testing::UnorderedElementsAre;
using testing::UnorderedElementsAreArray;

class Allocators : public Live {
 protected:
  static bool is_built(const std::string& program) { return std::filesystem::exists(program_path(program)); }

  Traced run(const std::string& program, const std::vector<std::string>& arguments = {},
             const std::string& preload = "") {
    TraceRequest request{.command = {program_path(program)}, .options = kUnclassified};
    request.command.insert(request.command.end(), arguments.begin(), arguments.end());
    if (!preload.empty()) request.process.extra_environment = {"LD_PRELOAD=" + preload};
    Traced traced = trace(scratch_, request);
    EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
    return traced;
  }

  static void expect_complete(const Traced& traced) {
    ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
    EXPECT_EQ(traced.result["run"]["complete"], true) << traced.result["run"].dump(1);
  }

  /// The truth of allocator_mix.cpp.
  static std::vector<std::string> mix_rows(const std::string& program, bool throws) {
    const auto at = [&](std::string_view text, std::uint64_t bytes) {
      return row(0, program, "allocator_mix.cpp", text, 1, bytes);
    };
    std::vector<std::string> rows = {at("operator new(140)", 140),
                                     at("new char[1000]", 1000),
                                     at("operator new(150, std::nothrow)", 150),
                                     at("live_keep(new Wide)", 128),
                                     at("operator new(192, ", 192),
                                     at("operator new(3000000)", 3000000),
                                     at("malloc(77)", 77),
                                     at("calloc(3, 7)", 21),
                                     at("realloc(grown, 55)", 55),
                                     at("aligned_alloc(64, 256)", 256),
                                     at("posix_memalign(&aligned, 32, 88)", 88),
                                     at("strdup(\"twelve chars\")", 13)};
    if (throws) rows.push_back(at("malloc(78)", 78));
    return rows;
  }

  /// The truth of allocator_c.c.
  static std::vector<std::string> c_rows(const std::string& program) {
    const auto at = [&](std::string_view text, std::uint64_t bytes) {
      return row(0, program, "allocator_c.c", text, 1, bytes);
    };
    return {at("live_keep(malloc(77))", 77),
            at("calloc(3, 7)", 21),
            at("realloc(grown, 50)", 50),
            at("aligned_alloc(64, 128)", 128),
            at("posix_memalign(&aligned, 64, 88)", 88),
            at("reallocarray(NULL, 5, 13)", 65)};
  }
};

struct Linked {
  const char* program;
  const char* package;
  bool throws = true;
};

class LinkedAllocator : public Allocators, public testing::WithParamInterface<Linked> {};

TEST_P(LinkedAllocator, BlocksBytesAndLinesAreExact) {
  const std::string program = GetParam().program;
  if (!is_built(program)) GTEST_SKIP() << GetParam().package << " is not installed";
  const std::vector<std::string> arguments(GetParam().throws ? 0 : 1, "no-throw");
  const Traced traced = run(program, arguments);
  expect_whole(traced);
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAreArray(mix_rows(program, GetParam().throws)));
}

INSTANTIATE_TEST_SUITE_P(
    Programs, LinkedAllocator,
    testing::Values(Linked{"live_mix_glibc", "libc6-dev"}, Linked{"live_mix_glibc_static", "libc6-dev"},
                    Linked{"live_mix_jemalloc", "libjemalloc-dev"},
                    Linked{"live_mix_jemalloc_archive", "libjemalloc-dev"},
                    Linked{"live_mix_tcmalloc", "libgoogle-perftools-dev"},
                    Linked{"live_mix_tcmalloc_minimal", "libgoogle-perftools-dev"},
                    Linked{"live_mix_tcmalloc_minimal_archive", "libgoogle-perftools-dev"},
                    Linked{"live_mix_mimalloc", "libmimalloc-dev", false}),
    [](const auto& parameter) { return std::string(parameter.param.program).substr(9); });

struct Preloaded {
  const char* name;
  const char* library;  ///< as the build found it; empty: not installed
  const char* package;
  bool throws = true;
};

class PreloadedAllocator : public Allocators, public testing::WithParamInterface<Preloaded> {};

TEST_P(PreloadedAllocator, ServesAProgramThatKnowsNothingOfIt) {
  if (!*GetParam().library) GTEST_SKIP() << GetParam().package << " is not installed";
  const std::vector<std::string> arguments(GetParam().throws ? 0 : 1, "no-throw");
  const Traced traced = run("live_mix_glibc", arguments, GetParam().library);
  expect_whole(traced);
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAreArray(mix_rows("live_mix_glibc", GetParam().throws)));
}

INSTANTIATE_TEST_SUITE_P(Libraries, PreloadedAllocator,
                         testing::Values(Preloaded{"jemalloc", LEAKGATE_JEMALLOC, "libjemalloc-dev"},
                                         Preloaded{"tcmalloc", LEAKGATE_TCMALLOC, "libgoogle-perftools-dev"},
                                         Preloaded{"tcmalloc_minimal", LEAKGATE_TCMALLOC_MINIMAL,
                                                   "libgoogle-perftools-dev"},
                                         Preloaded{"mimalloc", LEAKGATE_MIMALLOC, "libmimalloc-dev", false}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST_F(Allocators, AStaticCProgramIsTracedFromItsFirstBlock) {
  const Traced traced = run("live_c_glibc_static");
  expect_whole(traced);
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAreArray(c_rows("live_c_glibc_static")));
}

/// musl carries no call frame information: stacks end in its start-up code, not in _start.
TEST_F(Allocators, MuslIsTracedSharedAndStatic) {
  for (const std::string program : {"live_c_musl", "live_c_musl_static"}) {
    if (!is_built(program)) GTEST_SKIP() << "musl-tools is not installed";
    SCOPED_TRACE(program);
    const Traced traced = run(program);
    expect_complete(traced);
    EXPECT_THAT(leak_rows(traced), UnorderedElementsAreArray(c_rows(program)));
    EXPECT_EQ(traced.result["tracer"]["allocations"], 1000 * 5 + 7);
  }
}

TEST_F(Allocators, AProgramsOwnMallocCountsFromTheFirstConstructorOn) {
  const Traced traced = trace_program(scratch_, "live_constructs");
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["complete"], true) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["exit"], (nlohmann::json{{"code", 0}}));
  EXPECT_EQ(traced.result["tracer"]["allocations"], 3);
  EXPECT_THAT(leak_rows(traced, "fail"),
              testing::ElementsAre(row(0, "live_constructs", "constructs_library.c", "malloc(555)", 1, 555)));
}

TEST_F(Allocators, AProgramsOwnMallocIsTheOneThatCounts) {
  for (const std::string program : {"live_own_malloc", "live_own_malloc_static"}) {
    SCOPED_TRACE(program);
    const Traced traced = run(program);
    expect_whole(traced);
    const auto at = [&](std::string_view text, std::uint64_t bytes) {
      return row(0, program, "own_malloc.c", text, 1, bytes);
    };
    EXPECT_THAT(leak_rows(traced),
                UnorderedElementsAre(at("live_keep(malloc(90))", 90), at("live_keep(calloc(4, 8))", 32),
                                     at("live_keep(realloc(grown, 100))", 100)));
  }
}

TEST_F(Allocators, AWrapperAndWhatItWrapsCountOnce) {
  const Traced traced = run("live_wrapping_malloc");
  expect_whole(traced);
  EXPECT_THAT(leak_rows(traced),
              UnorderedElementsAre(
                  row(0, "live_wrapping_malloc", "wrapping_malloc.c", "live_keep(malloc(91))", 1, 91),
                  row(0, "live_wrapping_malloc", "wrapping_malloc.c", "live_keep(calloc(4, 8))", 1, 32)));
}

TEST_F(Allocators, AMallocOverTheSecondNamesOfTheCLibrarysAndThoseThemselvesCount) {
  const std::string program = "live_malloc_over_libc", source = "malloc_over_libc.c";
  const Traced traced = run(program);
  expect_whole(traced);
  EXPECT_EQ(traced.result["run"]["exit"], (nlohmann::json{{"code", 0}}));
  EXPECT_THAT(leak_rows(traced),
              UnorderedElementsAre(row(0, program, source, "live_keep(malloc(91))", 1, 91),
                                   row(0, program, source, "live_keep(calloc(4, 8))", 1, 32),
                                   row(0, program, source, "live_keep(__libc_malloc(93))", 1, 93)));
}

/// One run, one process of each: all of them are traced, each by its own allocator.
TEST_F(Allocators, SeveralAtOnceAreAllTraced) {
  std::vector<std::string> command = {program_path("live_allocator_starts")};
  std::vector<std::string> expected;
  for (const std::string program : {"live_mix_glibc", "live_mix_jemalloc", "live_mix_tcmalloc_minimal",
                                    "live_mix_jemalloc_archive", "live_mix_tcmalloc"}) {
    if (!is_built(program)) GTEST_SKIP() << "not every allocator is installed";
    command.push_back(program_path(program));
    for (std::string line : mix_rows(program, true))
      expected.push_back(line.replace(0, 1, "1"));
  }
  const Traced traced = trace(scratch_, {.command = command, .options = kUnclassified});
  expect_whole(traced);
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAreArray(expected));
}

}  // namespace
}  // namespace leakgate::live
