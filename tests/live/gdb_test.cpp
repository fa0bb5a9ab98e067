// SPDX-License-Identifier: Apache-2.0
// The stack of every leak is, frame for frame, what gdb prints at the same allocation: machine frames (module
// and address), names, files, lines, and which are inlined. Over the corpus of programs/corpus, one test per
// variant.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "tests/live/support/debugger.h"
#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using Json = nlohmann::json;

/// Leaks of this many bytes and more, one block each, are the corpus's own.
constexpr std::uint64_t kFirstBytes = 70000;
constexpr std::uint64_t kLastBytes = 70999;
/// Machine frames that leakgate keeps.
constexpr std::size_t kMaxFrames = 128;

std::map<std::uint64_t, Json> leaks_by_bytes(const Json& result) {
  std::map<std::uint64_t, Json> leaks;
  for (const Json& leak : result["leaks"]) {
    const auto bytes = leak["bytes"].get<std::uint64_t>();
    if (bytes < kFirstBytes || bytes > kLastBytes) continue;
    EXPECT_TRUE(leaks.emplace(bytes, leak).second) << "two leaks of " << bytes << " bytes";
  }
  return leaks;
}

class AgainstGdb : public Live, public testing::WithParamInterface<std::string> {
 protected:
  /// Runs both, compares all; `arguments` of the program.
  void compare(const std::string& program, const std::vector<std::string>& arguments, std::size_t least) {
    std::vector<std::string> command = {std::string(LEAKGATE_CORPUS) + "/" + program};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const Traced traced = trace(scratch_, {command, {}, {}});
    ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
    EXPECT_TRUE(traced.result["run"]["complete"].get<bool>()) << traced.program.err;
    const auto leaks = leaks_by_bytes(traced.result);
    const auto stacks = debugger_stacks(scratch_, command);
    std::size_t compared = 0;
    std::size_t equal = 0;
    std::size_t refuted = 0;
    for (const auto& [bytes, frames] : stacks) {
      if (bytes > kLastBytes) continue;
      const auto leak = leaks.find(bytes);
      if (leak == leaks.end()) continue;  // freed again: the C++ runtime's own
      ++compared;
      const bool whole = !leak->second.contains("stack_ends");
      const std::string difference = first_difference(from_result(leak->second["stack"]), frames,
                                                      whole ? 0 : kMaxFrames, scratch_, refuted);
      EXPECT_EQ(difference, "") << program << ", " << bytes << " bytes";
      equal += difference.empty() ? 1 : 0;
      EXPECT_TRUE(whole || frames.size() > kMaxFrames) << bytes << ": " << leak->second["stack_ends"];
    }
    EXPECT_GE(compared, least);
    EXPECT_EQ(leaks.size(), compared);
    std::printf("%s: %zu stacks compared, %zu equal, %zu lines decided against gdb\n", program.c_str(),
                compared, equal, refuted);
  }
};

TEST_P(AgainstGdb, C) {
  compare("corpus_c_" + GetParam(), {}, 15);
}

TEST_P(AgainstGdb, Cpp) {
  const bool is_static =
      GetParam() == "gcc_static";  // its dlopen needs the very C library it was linked with
  const std::string plugin = std::string(LEAKGATE_CORPUS) + "/corpus_plugin.so";
  compare("corpus_cpp_" + GetParam(), is_static ? std::vector<std::string>{} : std::vector{plugin},
          is_static ? 15 : 17);
}

std::vector<std::string> variants() {
  std::vector<std::string> names;
  std::istringstream list(LEAKGATE_CORPUS_VARIANTS);
  for (std::string name; std::getline(list, name, ',');)
    names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Corpus, AgainstGdb, testing::ValuesIn(variants()),
                         [](const auto& variant) { return variant.param; });

}  // namespace
}  // namespace leakgate::live
