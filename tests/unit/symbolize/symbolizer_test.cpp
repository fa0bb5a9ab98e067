// SPDX-License-Identifier: Apache-2.0
#include "harness/symbolize/symbolizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "fixture.h"

namespace leakgate::symbolize {
namespace {

namespace fs = std::filesystem;
using testing::Chain;
using testing::chain_at_mark;
using ::testing::ElementsAre;
using testing::fixture;
using ::testing::HasSubstr;
using testing::marked_line;
using testing::resolve_text;
using testing::symbol_value;
using testing::TemporaryFolder;

std::vector<std::string> functions_of(const Chain& chain) {
  std::vector<std::string> names;
  for (const model::Frame& frame : chain)
    names.push_back(frame.function);
  return names;
}

std::vector<std::uint32_t> lines_of(const Chain& chain) {
  std::vector<std::uint32_t> lines;
  for (const model::Frame& frame : chain)
    lines.push_back(frame.line);
  return lines;
}

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

SymbolizerOptions debug_files_in(std::vector<std::string> roots) {
  SymbolizerOptions options;
  options.debug_files.debug_roots = std::move(roots);
  return options;
}

/// Every way of building the same source must give the same answers.
class FullDebugInfo : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    static std::map<std::string, std::map<std::uint64_t, Chain>> known;  // each fixture is read once
    text_ = &known[GetParam()];
    if (!text_->empty()) return;
    SymbolizerOptions options = debug_files_in({});
    options.paths.source_root = SYMBOLIZE_SOURCE_DIR;
    Symbolizer symbolizer(options);
    *text_ =
        resolve_text(symbolizer, symbolizer.add_module({fixture(GetParam()), "", ""}), fixture(GetParam()));
  }
  static constexpr std::uint32_t kModule = 0;
  std::map<std::uint64_t, Chain>* text_ = nullptr;
};

TEST_P(FullDebugInfo, ExpandsInlinedFrames) {
  const Chain chain = chain_at_mark(*text_, "inline_leaf");
  ASSERT_GE(chain.size(), 3U);
  EXPECT_EQ(chain[0].function, "shop::inline_leaf(unsigned long)");
  EXPECT_EQ(chain[1].function, "shop::inline_middle(unsigned long)");
  EXPECT_EQ(chain[2].function, "shop::outer(unsigned long)");
  EXPECT_EQ(chain[1].line, marked_line("inline_middle"));
  EXPECT_EQ(chain[2].line, marked_line("outer"));
  EXPECT_TRUE(chain[0].inlined);
  EXPECT_TRUE(chain[1].inlined);
  EXPECT_FALSE(chain.back().inlined);
  for (const model::Frame& frame : chain) {
    EXPECT_EQ(frame.file, "fixtures/shapes.cpp");
    EXPECT_EQ(frame.module, kModule);
    EXPECT_EQ(frame.offset, chain[0].offset);
  }
  EXPECT_GT(chain[0].column, 0U);
}

TEST_P(FullDebugInfo, NamesEveryShapeOfFunction) {
  const auto innermost = [&](std::string_view mark) {
    const Chain chain = chain_at_mark(*text_, mark);
    return chain.empty() ? std::string("(none)") : chain.front().function;
  };
  EXPECT_EQ(innermost("method"), "shop::Cart::add(std::string const&, std::vector<int> const&) const");
  EXPECT_EQ(innermost("template"), "shop::make<int>(std::map<std::string, int> const&)");
  EXPECT_EQ(innermost("anonymous"), "(anonymous namespace)::hidden(char const*, std::vector<int>&)");
  EXPECT_THAT(innermost("typed"),
              ::testing::StartsWith("(anonymous namespace)::Typed<unsigned long>::fill<long>("));
  EXPECT_EQ(innermost("static"), "file_local(unsigned long, void (*)(int))");
  EXPECT_EQ(innermost("extern_c"), "plain_c_name");
  EXPECT_EQ(innermost("alias"), "shapes_public");
  EXPECT_EQ(innermost("ctor"), "shop::Cart::Cart(int)");
  const std::string lambda = innermost("lambda");
  EXPECT_THAT(lambda, ::testing::StartsWith("use_lambda(int)::"));
  EXPECT_THAT(lambda, HasSubstr("::operator()(int)"));
}

TEST_P(FullDebugInfo, KeepsFullNameOfTemplates) {
  const Chain chain = chain_at_mark(*text_, "template");
  ASSERT_FALSE(chain.empty());
  EXPECT_THAT(chain.front().full_function, HasSubstr("std::allocator<"));
}

TEST_P(FullDebugInfo, EveryFrameHasModuleAndOffset) {
  for (const auto& [address, chain] : *text_) {
    ASSERT_FALSE(chain.empty());
    for (const model::Frame& frame : chain) {
      ASSERT_EQ(frame.module, kModule);
      ASSERT_EQ(frame.offset, address);
    }
  }
}

/// The chains "file:line" that another symbolizer prints for the addresses of `text`, in its -i format.
std::map<std::uint64_t, std::vector<std::string>> reference_chains(
    const std::string& command, const std::map<std::uint64_t, Chain>& text) {
  std::ostringstream input;
  for (const auto& [address, chain] : text)
    input << "0x" << std::hex << address << "\n";
  std::istringstream output(testing::output_of(command, input.str()));
  std::map<std::uint64_t, std::vector<std::string>> chains;
  std::uint64_t address = 0;
  for (std::string line; std::getline(output, line);) {
    if (line.starts_with("0x")) {
      address = std::stoull(line, nullptr, 16);
      continue;
    }
    std::string place;
    if (line.empty() || !std::getline(output, place)) continue;
    place = base_name(place.substr(0, place.find(" (disc")));
    if (place.ends_with(":?")) place = place.substr(0, place.size() - 1) + "0";
    chains[address].push_back(place);
  }
  return chains;
}

void expect_equal_chains(const std::map<std::uint64_t, Chain>& text,
                         const std::map<std::uint64_t, std::vector<std::string>>& reference) {
  std::size_t compared = 0;
  std::size_t different = 0;
  for (const auto& [address, chain] : text) {
    const auto theirs = reference.find(address);
    // Start-up code without debug information, and padding between functions.
    if (theirs == reference.end() || chain.back().file.empty()) continue;
    std::vector<std::string> ours;
    for (const model::Frame& frame : chain) {
      ours.push_back((frame.file.empty() ? "??" : base_name(frame.file)) + ":" + std::to_string(frame.line));
    }
    ++compared;
    if (ours != theirs->second && ++different <= 3) {
      ADD_FAILURE() << "at " << std::hex << address << ": " << ::testing::PrintToString(ours)
                    << ", reference " << ::testing::PrintToString(theirs->second);
    }
  }
  EXPECT_EQ(different, 0U);
  EXPECT_GT(compared, 500U);
}

TEST_P(FullDebugInfo, AgreesWithLlvmSymbolizerAtEveryAddress) {
  const std::string symbolizer = SYMBOLIZE_LLVM_SYMBOLIZER;
  if (symbolizer.empty()) GTEST_SKIP() << "llvm-symbolizer is not installed";
  expect_equal_chains(*text_, reference_chains(symbolizer + " --output-style=GNU -a -f -i --no-demangle -e " +
                                                   fixture(GetParam()),
                                               *text_));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, FullDebugInfo, ::testing::ValuesIn(testing::full_fixtures()),
                         [](const auto& test) { return test.param; });

TEST(Symbolizer, ScopesThatDebugInformationLeavesAwayAreTheSymbolTables) {
  for (const char* name : {"gcc_g1", "clang_g1"}) {
    if (!fs::exists(fixture(name))) continue;
    Symbolizer symbolizer(debug_files_in({}));
    const auto text = resolve_text(symbolizer, symbolizer.add_module({fixture(name), "", ""}), fixture(name));
    const auto function_at = [&](std::string_view mark) {
      const Chain chain = chain_at_mark(text, mark);
      return chain.empty() ? std::string("(none)") : chain.back().function;
    };
    EXPECT_EQ(function_at("anonymous"), "(anonymous namespace)::hidden(char const*, std::vector<int>&)")
        << name;
    EXPECT_EQ(function_at("method"), "shop::Cart::add(std::string const&, std::vector<int> const&) const")
        << name;
    EXPECT_EQ(function_at("template"), "shop::make<int>(std::map<std::string, int> const&)") << name;
    EXPECT_THAT(function_at("lambda"), ::testing::StartsWith("use_lambda(int)")) << name;
    EXPECT_EQ(function_at("extern_c"), "plain_c_name") << name;
    EXPECT_EQ(chain_at_mark(text, "anonymous").front().line, marked_line("anonymous")) << name;
  }
}

TEST(Symbolizer, AgreesWithAddr2lineAtEveryAddress) {
  // DWARF 4 by GCC: binutils' own reader is known to err on other files.
  for (const char* name : {"gcc_O0_dwarf4", "gcc_O2_dwarf4"}) {
    Symbolizer symbolizer;
    const auto text = resolve_text(symbolizer, symbolizer.add_module({fixture(name), "", ""}), fixture(name));
    expect_equal_chains(
        text, reference_chains(std::string(SYMBOLIZE_ADDR2LINE) + " -a -f -i -e " + fixture(name), text));
  }
}

TEST(Symbolizer, ReturnAddressIsLookedUpInTheCall) {
  Symbolizer symbolizer;
  const std::string path = fixture("gcc_O0_dwarf5");
  const std::uint32_t module = symbolizer.add_module({path, "", ""});
  const std::uint64_t start = symbol_value(path, "plain_c_name");
  // A call may be a function's last instruction: its return address is the next function's first.
  EXPECT_EQ(symbolizer.resolve(module, start, false).back().function, "plain_c_name");
  EXPECT_NE(symbolizer.resolve(module, start, true).back().function, "plain_c_name");
  EXPECT_EQ(symbolizer.resolve(module, start + 1, true).back().function, "plain_c_name");
  EXPECT_EQ(symbolizer.resolve(module, start + 1, true).back().offset, start + 1);
}

TEST(Symbolizer, SymbolTableAloneGivesNamesWithoutLines) {
  Symbolizer symbolizer(debug_files_in({}));
  const std::string path = fixture("symtab_only");
  const std::uint32_t module = symbolizer.add_module({path, "", ""});
  const Chain chain = symbolizer.resolve(module, symbol_value(path, "_ZL10file_localmPFviE"), false);
  EXPECT_THAT(functions_of(chain), ElementsAre("file_local(unsigned long, void (*)(int))"));
  EXPECT_EQ(chain[0].file, "");
}

TEST(Symbolizer, StrippedBinaryGivesNoNames) {
  Symbolizer symbolizer(debug_files_in({}));
  const std::uint32_t module = symbolizer.add_module({fixture("stripped"), "", ""});
  for (const auto& [address, chain] : resolve_text(symbolizer, module, fixture("stripped"))) {
    ASSERT_EQ(chain.size(), 1U);
    ASSERT_EQ(chain[0].function, "") << std::hex << address;
    ASSERT_EQ(chain[0].offset, address);
  }
}

TEST(Symbolizer, StrippedLibraryNeverGivesAWrongName) {
  Symbolizer symbolizer(debug_files_in({}));
  const std::uint32_t stripped = symbolizer.add_module({fixture("stripped_shared"), "", ""});
  const std::uint32_t full = symbolizer.add_module({fixture("gcc_shared"), "", ""});
  const auto expected = resolve_text(symbolizer, full, fixture("gcc_shared"));
  std::size_t named = 0;
  for (const auto& [address, chain] : resolve_text(symbolizer, stripped, fixture("stripped_shared"))) {
    if (chain[0].function.empty()) continue;
    ++named;
    const model::Frame& truth = expected.at(address).back();
    ASSERT_EQ(chain[0].function, truth.function) << std::hex << address;
  }
  EXPECT_GT(named, 100U);
}

TEST(Symbolizer, MiniDebugInfoNamesLocalFunctions) {
  if (::access(fixture("mini_debug").c_str(), R_OK) != 0) GTEST_SKIP() << "xz is not installed";
  Symbolizer symbolizer(debug_files_in({}));
  const std::uint32_t module = symbolizer.add_module({fixture("mini_debug"), "", ""});
  const std::uint64_t address = symbol_value(fixture("symtab_only"), "_ZL10file_localmPFviE");
  EXPECT_EQ(symbolizer.resolve(module, address, false)[0].function,
            "file_local(unsigned long, void (*)(int))");
}

TEST(Symbolizer, SeparateDebugFileGivesAllTheFramesOfTheFullBinary) {
  const TemporaryFolder root;
  auto stripped = ElfFile::open(fixture("stripped"), {});
  ASSERT_TRUE(stripped);
  const std::string& id = (*stripped)->build_id();
  fs::create_directories(root.path() + "/.build-id/" + id.substr(0, 2));
  fs::copy_file(fixture("debug_part"),
                root.path() + "/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug");
  Symbolizer symbolizer(debug_files_in({root.path()}));
  const std::uint32_t module = symbolizer.add_module({fixture("stripped"), "", id});
  const std::uint32_t full = symbolizer.add_module({fixture("gcc_O2_dwarf5"), "", ""});
  const auto expected = resolve_text(symbolizer, full, fixture("gcc_O2_dwarf5"));
  for (const auto& [address, chain] : resolve_text(symbolizer, module, fixture("stripped"))) {
    ASSERT_EQ(functions_of(chain), functions_of(expected.at(address))) << std::hex << address;
    ASSERT_EQ(lines_of(chain), lines_of(expected.at(address))) << std::hex << address;
  }
}

TEST(Symbolizer, DwzAlternateFileIsReadOrNothingIs) {
  if (::access(fixture("dwz_alternate").c_str(), R_OK) != 0) GTEST_SKIP() << "dwz is not installed";
  Symbolizer symbolizer;
  const std::string path = fixture("dwz_alternate");
  const auto text = resolve_text(symbolizer, symbolizer.add_module({path, "", ""}), path);
  EXPECT_EQ(chain_at_mark(text, "inline_leaf").size(), 3U);
  const TemporaryFolder folder;
  fs::copy_file(path, folder.path() + "/alone");
  const std::uint32_t alone = symbolizer.add_module({folder.path() + "/alone", "", ""});
  const Chain chain = symbolizer.resolve(alone, symbol_value(path, "plain_c_name"), false);
  EXPECT_EQ(chain[0].function, "plain_c_name");
  EXPECT_EQ(chain[0].file, "");
}

TEST(Symbolizer, FileOfAnotherBuildIsNotRead) {
  Symbolizer symbolizer;
  const std::string path = fixture("gcc_O0_dwarf5");
  const std::uint32_t module = symbolizer.add_module({path, "", std::string(40, 'a')});
  const Chain chain = symbolizer.resolve(module, symbol_value(path, "plain_c_name"), false);
  ASSERT_EQ(chain.size(), 1U);
  EXPECT_EQ(chain[0].function, "");
  EXPECT_THAT(symbolizer.note(module), HasSubstr("was changed since it was loaded"));
}

TEST(Symbolizer, VanishedFileGivesModuleAndOffset) {
  Symbolizer symbolizer;
  const std::uint32_t module = symbolizer.add_module({"/nonexistent/libgone.so", "", ""});
  const Chain chain = symbolizer.resolve(module, 0x1234, true);
  ASSERT_EQ(chain.size(), 1U);
  EXPECT_EQ(chain[0].function, "");
  EXPECT_EQ(chain[0].offset, 0x1234U);
  EXPECT_THAT(symbolizer.note(module), HasSubstr("cannot open"));
}

TEST(Symbolizer, OpenPathGoneFallsBackOnlyWithAMatchingBuildId) {
  const std::string path = fixture("gcc_O0_dwarf5");
  auto file = ElfFile::open(path, {});
  ASSERT_TRUE(file);
  Symbolizer symbolizer;
  const std::uint32_t known = symbolizer.add_module({path, "/proc/0/root/gone", (*file)->build_id()});
  const std::uint32_t unknown = symbolizer.add_module({path, "/proc/0/root/gone", ""});
  const std::uint64_t address = symbol_value(path, "plain_c_name");
  EXPECT_EQ(symbolizer.resolve(known, address, false)[0].function, "plain_c_name");
  EXPECT_EQ(symbolizer.resolve(unknown, address, false)[0].function, "");
}

TEST(Symbolizer, UnknownModuleAndAddressesOutsideCodeAreHarmless) {
  Symbolizer symbolizer;
  EXPECT_EQ(symbolizer.resolve(7, 1, true)[0].module, model::kNone);
  const std::uint32_t module = symbolizer.add_module({fixture("gcc_O0_dwarf5"), "", ""});
  for (const std::uint64_t address :
       {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}, std::uint64_t{1} << 40U}) {
    const Chain chain = symbolizer.resolve(module, address, true);
    ASSERT_EQ(chain.size(), 1U);
    EXPECT_EQ(chain[0].function, "");
  }
}

TEST(Symbolizer, PrefixMappedPathsAreRelativeToTheRoot) {
  Symbolizer symbolizer;
  const std::string path = fixture("gcc_prefix_map");
  const auto text = resolve_text(symbolizer, symbolizer.add_module({path, "", ""}), path);
  const Chain chain = chain_at_mark(text, "inline_leaf");
  ASSERT_FALSE(chain.empty());
  EXPECT_EQ(chain.front().file, "fixtures/shapes.cpp");
}

/// libdw leaves the directories of DWARF 5 as the compiler was given them.
TEST(Symbolizer, PathsGivenRelativeToTheCompilersFolderAreWhole) {
  for (const char* name : {"gcc_relative4", "gcc_relative5"}) {
    SCOPED_TRACE(name);
    Symbolizer symbolizer;
    const std::string path = fixture(name);
    const auto text = resolve_text(symbolizer, symbolizer.add_module({path, "", ""}), path);
    const Chain chain = chain_at_mark(text, "inline_leaf");
    ASSERT_GE(chain.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(chain[i].file, SYMBOLIZE_SOURCE_DIR "/fixtures/shapes.cpp");
  }
}

TEST(Symbolizer, SmallCacheGivesTheSameFrames) {
  Symbolizer roomy;
  SymbolizerOptions options;
  options.max_cache_bytes = 1;
  Symbolizer tight(options);
  const std::string path = fixture("clang_O2_dwarf5");
  if (::access(path.c_str(), R_OK) != 0) GTEST_SKIP() << "clang is not installed";
  const auto expected = resolve_text(roomy, roomy.add_module({path, "", ""}), path);
  for (const auto& [address, chain] : resolve_text(tight, tight.add_module({path, "", ""}), path)) {
    ASSERT_EQ(functions_of(chain), functions_of(expected.at(address)));
    ASSERT_EQ(lines_of(chain), lines_of(expected.at(address)));
  }
}

TEST(Symbolizer, SpentBudgetEndsDebugInformationAndSaysSo) {
  SymbolizerOptions options;
  options.dwarf_limits.steps = 50;
  Symbolizer symbolizer(options);
  const std::string path = fixture("gcc_O0_dwarf5");
  const std::uint32_t module = symbolizer.add_module({path, "", ""});
  const Chain chain = symbolizer.resolve(module, symbol_value(path, "plain_c_name"), false);
  EXPECT_EQ(chain.back().function, "plain_c_name");  // from the symbol table
  EXPECT_THAT(symbolizer.note(module), HasSubstr("symbols are incomplete"));
}

TEST(Symbolizer, DamagedFilesNeitherCrashNorHang) {
  std::ifstream in(fixture("gcc_O2_dwarf5"), std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  const TemporaryFolder folder;
  std::uint32_t seed = 12345;
  const auto next = [&] { return seed = seed * 1664525U + 1013904223U; };
  for (int round = 0; round < 60; ++round) {
    std::string bad = good;
    for (int i = 0; i < 1 + round * 4; ++i)
      bad[(next() >> 8U) % bad.size()] = static_cast<char>(next() >> 24U);
    if (round % 5 == 0) bad.resize((next() >> 8U) % bad.size());
    const std::string path = folder.path() + "/bad";
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bad;
    Symbolizer symbolizer;
    const std::uint32_t module = symbolizer.add_module({path, "", ""});
    for (std::uint64_t address = 0x1000; address < 0x3000; address += 7) {
      ASSERT_FALSE(symbolizer.resolve(module, address, false).empty());
    }
  }
}

TEST(Symbolizer, FifoInThePlaceOfASplitFileDoesNotBlock) {
  const TemporaryFolder folder;
  const std::string command = "cd " + folder.path() + " && g++ -g -O0 -gdwarf-5 -gsplit-dwarf " +
                              SYMBOLIZE_SHAPES + " -o split && rm -f *.dwo";
  ASSERT_EQ(std::system(command.c_str()), 0);
  for (const char* name : {"split-shapes.dwo", "shapes.dwo", "split.dwp"}) {
    ASSERT_EQ(::mkfifo((folder.path() + "/" + name).c_str(), 0600), 0);
  }
  Symbolizer symbolizer;
  const std::string path = folder.path() + "/split";
  const std::uint32_t module = symbolizer.add_module({path, "", ""});
  EXPECT_EQ(symbolizer.resolve(module, symbol_value(path, "plain_c_name"), false).back().function,
            "plain_c_name");
}

/// Many queries are divided among threads; the answers are those of one after the other.
TEST(Symbolizer, ManyQueriesHaveTheAnswersOfSingleOnes) {
  Symbolizer together, alone;
  const std::string path = fixture("gcc_O2_dwarf5");
  const auto module = together.add_module({path, "", ""});
  ASSERT_EQ(alone.add_module({path, "", ""}), module);
  std::vector<Query> queries;
  for (std::uint64_t offset = 0x1000; offset < 0x1000 + 5000; ++offset)
    queries.push_back({module, offset, false});
  const auto answers = together.resolve_all(queries);
  ASSERT_EQ(answers.size(), queries.size());
  std::size_t named = 0;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const auto expected = alone.resolve(module, queries[i].offset, false);
    ASSERT_EQ(answers[i].size(), expected.size()) << queries[i].offset;
    for (std::size_t k = 0; k < expected.size(); ++k) {
      ASSERT_EQ(answers[i][k].function, expected[k].function);
      ASSERT_EQ(answers[i][k].line, expected[k].line);
      named += !expected[k].function.empty();
    }
  }
  EXPECT_GT(named, 500u);
}

}  // namespace
}  // namespace leakgate::symbolize
