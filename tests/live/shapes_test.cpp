// SPDX-License-Identifier: Apache-2.0
// Kinds of outstanding memory, shape by shape (programs/leak_shapes.cpp), against a table, and against what
// Valgrind says of the same binary. Where the two differ, the reason stands in docs/kinds.md.
#include <gmock/gmock.h>
#include <sys/personality.h>
#include <tinyxml2.h>

#include <cstdlib>
#include <functional>
#include <map>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using Json = nlohmann::json;

/// Kind to {blocks, bytes}.
using Sums = std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>;

/// Allocation functions of the shapes: frames of the program's own namespace.
bool is_shape(std::string_view function) {
  return function.find("shape::") != std::string_view::npos;
}

/// Allocated for a shape, not by a runtime library on its way.
bool is_own(const Json& leak) {
  if (leak["reason"].get<std::string>().find("for itself") != std::string::npos) return false;
  return std::any_of(leak["stack"].begin(), leak["stack"].end(), [](const Json& frame) {
    return frame["function"].is_string() && is_shape(frame["function"].get<std::string>());
  });
}

Sums kinds_in(const Json& result, bool cycles_only = false) {
  Sums sums;
  for (const Json& leak : result["leaks"]) {
    if (!is_own(leak) || (cycles_only && !leak["cycle"].get<bool>())) continue;
    auto& [blocks, bytes] = sums[leak["kind"].get<std::string>()];
    blocks += leak["blocks"].get<std::uint64_t>();
    bytes += leak["bytes"].get<std::uint64_t>();
  }
  return sums;
}

struct Shape {
  const char* name;
  Sums sums;
  bool valgrind = true;  ///< Valgrind says the same
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.name;
}

const std::string kDefinite = "definitely_lost", kIndirect = "indirectly_lost", kPossible = "possibly_lost",
                  kReachable = "still_reachable";

const Shape kShapes[] = {
    {"tree", {{kDefinite, {1, 40}}, {kIndirect, {6, 240}}}},
    {"list", {{kDefinite, {1, 48}}, {kIndirect, {4, 192}}}},
    {"cycle", {{kDefinite, {1, 48}}, {kIndirect, {2, 96}}}},
    {"two_cycles", {{kDefinite, {1, 80}}, {kIndirect, {3, 176}}}},
    {"shared_cycle", {{kDefinite, {1, 56}}, {kIndirect, {1, 56}}}},
    {"interior", {{kPossible, {1, 120}}}},
    {"new_array", {{kReachable, {1, 176}}}},
    {"multiple_inheritance", {{kReachable, {1, 32}}}},
    {"length_prefix", {{kReachable, {1, 72}}}},
    {"tls_of_main", {{kReachable, {1, 136}}}},
    {"reachable", {{kReachable, {5, 24 + 128 + 3 * 102}}}},
    {"registry", {{kDefinite, {3, 603}}}},
    // the thread's stack is read from its stack pointer up by both; Valgrind has ended the thread by then
    {"running_thread", {{kReachable, {2, 144 + 24}}}, false},
    {"finished_thread", {{kDefinite, {1, 152}}}},
    {"register_only", {{kReachable, {2, 160 + 16}}}, false},
    {"mapped_root", {{kReachable, {1, 168}}}},
    {"shared_root", {{kReachable, {1, 168}}}},
    {"static_pool", {{kReachable, {1, 176}}}},
    {"heap_pool", {{kReachable, {2, 2048 + 176}}}},
    {"stale", {{kDefinite, {1, 184}}}},
    {"unaligned", {{kDefinite, {1, 192}}}},
    {"by_exit", {{kDefinite, {1, 208}}}},
    {"by_quick_exit", {{kDefinite, {1, 208}}}},
    {"by_exit_group", {{kDefinite, {1, 208}}}},
    {"in_main_frame", {{kReachable, {1, 216}}}},
    {"coroutine", {{kReachable, {2, 65536 + 216}}}},
    // Valgrind calls them lost: nothing that it looks at points at their start
    {"end_on_own_stack", {{kReachable, {1, 65536}}}, false},
    {"signal_stack", {{kReachable, {1, 32768}}}, false},
    {"fork_child", {{kDefinite, {2, 208 + 168}}}, false},
    // the parent's one, the child's two behind it; Valgrind is silent in the child
    {"inherited", {{kReachable, {3, 3 * 48}}, {kDefinite, {1, 168}}}, false},
    {"inherited_by_orphan", {{kReachable, {3, 3 * 48}}, {kDefinite, {1, 168}}}, false},
    {"many_by_exit_group", {{kReachable, {100'000, 4'800'000}}}},
    // Valgrind counts the memory of the thread that ends the process as well
    {"main_ends_first", {{kReachable, {2, 48 + 224}}, {kDefinite, {2, 168 + 220}}}, false},
    // 220: of the library's constructor; Valgrind counts the dynamic linker's own records too
    {"library_open", {{kDefinite, {1, 220}}, {kReachable, {1, 224}}}, false},
    {"library_closed", {{kDefinite, {2, 220 + 224}}}},
    {"large", {{kDefinite, {1, 160 << 10}}, {kReachable, {1, (160 << 10) + 8}}}},
    // Valgrind does not know that the key is gone
    {"deleted_key", {{kDefinite, {1, 240}}, {kReachable, {1, 244}}}, false},
    {"after_system", {{kDefinite, {1, 248}}}},
    {"far_global", {{kReachable, {1, 232}}}},
    // Valgrind does not follow exec
    {"far_global_at_heap", {{kReachable, {1, 232}}}, false},
};

/// What Valgrind says of the same program, blocks of functions of the shapes only.
Sums valgrind_kinds(const Scratch& scratch, const char* shape) {
  const std::string file = (scratch / "valgrind.xml").string();
  const ProgramResult ran =
      run_program(scratch, {.argv = {LEAKGATE_VALGRIND, "--leak-check=full", "--show-leak-kinds=all",
                                     "--num-callers=40", "--xml=yes", "--child-silent-after-fork=yes",
                                     "--xml-file=" + file, program_path("live_leak_shapes"), shape}});
  EXPECT_EQ(ran.status(), 0) << ran.err;
  tinyxml2::XMLDocument document;
  EXPECT_EQ(document.LoadFile(file.c_str()), tinyxml2::XML_SUCCESS);
  static const std::map<std::string, std::string> kNames = {{"Leak_DefinitelyLost", kDefinite},
                                                            {"Leak_IndirectlyLost", kIndirect},
                                                            {"Leak_PossiblyLost", kPossible},
                                                            {"Leak_StillReachable", kReachable}};
  Sums sums;
  const auto* root = document.FirstChildElement("valgrindoutput");
  for (const auto* error = root ? root->FirstChildElement("error") : nullptr; error != nullptr;
       error = error->NextSiblingElement("error")) {
    const auto kind = kNames.find(error->FirstChildElement("kind")->GetText());
    if (kind == kNames.end()) continue;
    bool own = false;
    const auto* stack = error->FirstChildElement("stack");
    for (const auto* frame = stack->FirstChildElement("frame"); frame != nullptr;
         frame = frame->NextSiblingElement("frame"))
      if (const auto* function = frame->FirstChildElement("fn")) own = own || is_shape(function->GetText());
    if (!own) continue;
    const auto* what = error->FirstChildElement("xwhat");
    // "90 (40 direct, 50 indirect) bytes in 1 blocks are ...": the indirect ones have rows of their own
    const std::string text = what->FirstChildElement("text")->GetText();
    std::uint64_t bytes = what->FirstChildElement("leakedbytes")->Unsigned64Text();
    if (const auto direct = text.find('('); direct != std::string::npos) {
      std::string number = text.substr(direct + 1, text.find(" direct") - direct - 1);
      std::erase(number, ',');
      bytes = std::strtoull(number.c_str(), nullptr, 10);
    }
    auto& sum = sums[kind->second];
    sum.first += what->FirstChildElement("leakedblocks")->Unsigned64Text();
    sum.second += bytes;
  }
  return sums;
}

class Shapes : public Live, public testing::WithParamInterface<Shape> {};

TEST_P(Shapes, HaveTheirKinds) {
  const Traced traced = trace_program(scratch_, "live_leak_shapes", {GetParam().name});
  expect_whole(traced);
  EXPECT_EQ(kinds_in(traced.result), GetParam().sums);
}

TEST_P(Shapes, HaveThoseOfValgrind) {
  if (!GetParam().valgrind) return;  // see docs/kinds.md
  EXPECT_EQ(valgrind_kinds(scratch_, GetParam().name), GetParam().sums);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Shapes, testing::ValuesIn(kShapes),
                         [](const auto& shape) { return std::string(shape.param.name); });

class Findings : public Live {
 protected:
  Json leak_of(const char* shape, std::string_view kind) {
    const Traced traced = trace_program(scratch_, "live_leak_shapes", {shape});
    expect_whole(traced);
    for (const Json& leak : traced.result["leaks"])
      if (is_own(leak) && leak["kind"] == kind) return leak;
    ADD_FAILURE() << traced.result.dump(1);
    return Json::object();
  }
};

TEST_F(Findings, CyclesAreMarked) {
  const Traced traced = trace_program(scratch_, "live_leak_shapes", {"two_cycles"});
  EXPECT_EQ(kinds_in(traced.result, true), (Sums{{kDefinite, {1, 80}}, {kIndirect, {3, 176}}}));
  const Traced list = trace_program(scratch_, "live_leak_shapes", {"list"});
  EXPECT_EQ(kinds_in(list.result, true), Sums{});
}

TEST_F(Findings, CyclesAreToldByTheirMembers) {
  EXPECT_EQ(leak_of("shared_cycle", kDefinite)["retained_by"],
            Json::array({"shared_ptr cycle: shape::Peer -> shape::Peer"}));
  const Json plain = leak_of("cycle", kDefinite)["retained_by"];
  ASSERT_EQ(plain.size(), 1u);
  EXPECT_THAT(plain[0].get<std::string>(),
              testing::MatchesRegex("cycle: block from .* -> block from .* -> block from .*"));
}

TEST_F(Findings, TypesAreNamedByVtable) {
  EXPECT_EQ(leak_of("shared_cycle", kDefinite)["type"], "shape::Peer") << "what the shared_ptr points at";
  EXPECT_EQ(leak_of("multiple_inheritance", kReachable)["type"], "shape::Both");
}

TEST_F(Findings, HoldersLeadFromARoot) {
  const Json chain = leak_of("heap_pool", kReachable)["retained_by"];
  ASSERT_FALSE(chain.empty());
  EXPECT_THAT(chain[0].get<std::string>(), testing::HasSubstr("pool"));
  EXPECT_EQ(leak_of("tls_of_main", kReachable)["retained_by"][0], "thread-local storage of the main thread");
  EXPECT_THAT(
      leak_of("running_thread", kReachable)["retained_by"][0].get<std::string>(),
      testing::MatchesRegex(R"(stack of thread 2 in shape::sleep_holding\(.*\) \(leak_shapes.cpp:.*\))"));
  EXPECT_THAT(leak_of("in_main_frame", kReachable)["retained_by"][0].get<std::string>(),
              testing::StartsWith("stack of the main thread in shape::in_main_frame()"));
  EXPECT_EQ(leak_of("register_only", kReachable)["retained_by"][0].get<std::string>().substr(0, 9),
            "registers");
  EXPECT_EQ(leak_of("interior", kPossible)["retained_by"][0], "shape::g_inside");
}

/// The kinds of the blocks of 152 bytes.
std::vector<std::string> kinds_of_152(const Json& result) {
  std::vector<std::string> kinds;
  for (const Json& leak : result["leaks"])
    if (leak["bytes"] == 152) kinds.push_back(leak["kind"]);
  return kinds;
}

class Trees : public Live {};

TEST_F(Trees, NodesOfASearchTreeAreReachable) {
  const Traced traced = trace_program(scratch_, "live_search_tree");
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  std::map<std::pair<std::string, int>, int> blocks;
  for (const Json& leak : traced.result["leaks"])
    if (leak["stack"][0]["function"] == "main" || leak["stack"][1]["function"] == "main")
      blocks[{leak["kind"], leak["bytes"].get<int>() / leak["blocks"].get<int>()}] +=
          leak["blocks"].get<int>();
  const std::map<std::pair<std::string, int>, int> truth = {{{kReachable, 24}, 20}, {{kReachable, 152}, 20}};
  EXPECT_EQ(blocks, truth) << traced.result["leaks"].dump(1);
}

class Chunks : public Live {};

TEST_F(Chunks, OfWhichAPageIsAnotherMappingAreOneBlock) {
  const Traced traced = trace_program(scratch_, "live_chunk_in_two");
  expect_whole(traced);
  EXPECT_THAT(kinds_of_152(traced.result), testing::ElementsAre("indirectly_lost"));
}

// Without brk the heap's mapping may be one with the main thread's thread-local storage, before it or behind
// it.
TEST_F(Chunks, FreedOnesHoldNothingWhereTheHeapIsAMapping) {
  for (const auto& upwards :
       {std::function<void()>(), std::function([] { personality(ADDR_COMPAT_LAYOUT); })}) {
    const Traced traced =
        trace(scratch_, {.command = {program_path("live_freed_holder")},
                         .process = {.extra_environment = {"GLIBC_TUNABLES=glibc.malloc.hugetlb=2"},
                                     .before_exec = upwards}});
    expect_whole(traced);
    ASSERT_EQ(traced.result["leaks"].size(), 1u) << traced.result["leaks"].dump(1);
    EXPECT_EQ(traced.result["leaks"][0]["kind"], kDefinite);
    EXPECT_EQ(traced.result["leaks"][0]["bytes"], 100);
  }
}

class Pools : public Live {};

TEST_F(Pools, PagesOfSlicesAreHeldByTheirPieces) {
  const Traced traced = trace_program(scratch_, "live_slices");
  expect_whole(traced);
  std::vector<std::pair<int, std::string>> kinds;
  for (const Json& leak : traced.result["leaks"])
    kinds.emplace_back(leak["bytes"], leak["kind"]);
  EXPECT_THAT(kinds, testing::UnorderedElementsAre(std::pair(4096, kReachable), std::pair(152, kReachable),
                                                   std::pair(4096, kPossible)));
}

TEST_F(Pools, WhatLibgobjectKeepsByInnerPointersIsReachable) {
  const Traced traced = trace_program(scratch_, "live_inner_pointers");
  expect_whole(traced);
  std::vector<std::pair<int, std::string>> kinds;
  for (const Json& leak : traced.result["leaks"])
    kinds.emplace_back(leak["bytes"], leak["kind"]);
  EXPECT_THAT(kinds,
              testing::UnorderedElementsAre(std::pair(48 + 104, kReachable), std::pair(48 + 105, kDefinite),
                                            std::pair(106, kPossible)));
}

class Stacks : public Live {};

/// At any moment of it: before, the half of these runs failed.
TEST_F(Chunks, ThatAreMovedByReallocHoldWhatTheyHold) {
  for (int run = 0; run < 6; ++run) {
    const Traced traced = trace_program(scratch_, "live_moves_table");
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  }
}

TEST_F(Chunks, HoldByWhatIsBehindTheSizeThatWasAskedFor) {
  const Traced traced = trace_program(scratch_, "live_uses_slack");
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  std::map<std::pair<std::string, int>, int> blocks;
  for (const Json& leak : traced.result["leaks"])
    if (leak["stack"][0]["function"] == "fill")
      blocks[{leak["kind"], leak["bytes"].get<int>() / leak["blocks"].get<int>()}] +=
          leak["blocks"].get<int>();
  const std::map<std::pair<std::string, int>, int> truth = {
      {{kReachable, 152}, 41}, {{kReachable, 153}, 1}, {{kDefinite, 155}, 1}};
  EXPECT_EQ(blocks, truth) << traced.result["leaks"].dump(1);
}

/// Over preload the half of these runs failed before.
TEST_F(Stacks, OfThreadsThatDoNotRunYetHoldTheirArguments) {
  for (int run = 0; run < 6; ++run) {
    const Traced traced = trace_program(scratch_, "live_threads_starting");
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  }
}

TEST_F(Stacks, WhatLiesBesideThemInAMappingHolds) {
  const Traced traced = trace_program(scratch_, "live_beside_stacks");
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  std::vector<int> reachable;
  for (const Json& leak : traced.result["leaks"])
    if (leak["stack"][0]["function"] == "hold") {
      EXPECT_EQ(leak["kind"], kReachable);
      reachable.push_back(leak["bytes"]);
    }
  EXPECT_THAT(reachable, testing::UnorderedElementsAre(810, 820, 850));
}

TEST_F(Stacks, OfThreadsThatHaveEndedHoldNothingBesideOthers) {
  const Traced traced = trace_program(scratch_, "live_joined_stacks");
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  std::map<std::pair<std::string, std::string>, std::pair<int, int>> sums;  // blocks, bytes
  for (const Json& leak : traced.result["leaks"])
    if (const std::string function = leak["stack"][0]["function"]; function == "leave" || function == "keep")
      sums[{function, leak["kind"]}] = {leak["blocks"], leak["bytes"]};
  const std::map<std::pair<std::string, std::string>, std::pair<int, int>> truth = {
      {{"leave", kDefinite}, {32, 8 * (160 + 161 + 163 + 164)}}, {{"keep", kReachable}, {8, 8 * 162}}};
  EXPECT_EQ(sums, truth) << traced.result["leaks"].dump(1);
}

TEST_F(Stacks, OneThatTheProgramGaveIsItsOwnAgain) {
  const Traced traced = trace_program(scratch_, "live_given_stack");
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
}

TEST_F(Stacks, WhatAProbeLeftThereIsNoPointer) {
  const Traced traced = trace_program(scratch_, "live_unwritten_frame");
  expect_whole(traced);
  EXPECT_THAT(kinds_of_152(traced.result), testing::ElementsAre(kDefinite));
}

TEST_F(Stacks, WhatAProbeLeftOnOnesOfTheProgramsOwnIsNoPointer) {
  const Traced traced = trace_program(scratch_, "live_unwritten_stacks");
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;  // a coroutine's stack begins in no thread
  EXPECT_TRUE(traced.result["run"]["complete"].get<bool>());
  int lost = 0;
  for (const Json& leak : traced.result["leaks"])
    if (leak["kind"] == kDefinite) lost += leak["bytes"].get<int>();
  EXPECT_EQ(lost, 3 * 152) << traced.result["leaks"].dump(1);
}

TEST_F(Stacks, APointerBelowTheAddressOfAFunctionIsOne) {
  const Traced traced = trace_program(scratch_, "live_beside_function");
  expect_whole(traced);
  EXPECT_THAT(kinds_of_152(traced.result), testing::ElementsAre(kReachable));
}

TEST_F(Stacks, WhatMallocItselfHasSavedThereIsOne) {
  const Traced traced = trace_program(scratch_, "live_saved_by_malloc");
  expect_whole(traced);
  EXPECT_THAT(kinds_of_152(traced.result), testing::ElementsAre(kReachable));
}

}  // namespace
}  // namespace leakgate::live
