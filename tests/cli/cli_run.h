// SPDX-License-Identifier: Apache-2.0
// Running leakgate's command line on bad input. In goes an argument list; checked are the promises that every
// refusal keeps: its status, one sentence, a hint, nothing on standard output, nothing done, nothing written.
#pragma once

#include <gmock/gmock.h>
#include <grp.h>
#include <unistd.h>

#include <set>
#include <sstream>

#include "tests/live/support/traced.h"

namespace leakgate::live {

class Cli : public testing::Test {
 protected:
  /// Runs leakgate in the scratch directory.
  ProgramResult leakgate(std::vector<std::string> arguments, std::function<void()> before_exec = {}) {
    arguments.insert(arguments.begin(), leakgate_path());
    return run_program(
        scratch_,
        {.argv = std::move(arguments), .directory = scratch_.path(), .before_exec = std::move(before_exec)});
  }

  /// A copy of leakgate that everybody may execute, in a scratch directory that everybody may write.
  void make_room_for_nobody() {
    std::filesystem::copy_file(leakgate_path(), scratch_ / "leakgate",
                               std::filesystem::copy_options::skip_existing);
    std::filesystem::permissions(scratch_.path(), std::filesystem::perms(0777));
  }
  /// Runs that copy as a user without any capability; as the test's own user where that is one already.
  ProgramResult leakgate_as_nobody(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), scratch_ / "leakgate");
    return run_program(scratch_,
                       {.argv = std::move(arguments),
                        .extra_environment = {"PATH=/usr/bin:/bin"},
                        .directory = scratch_.path(),
                        .before_exec = [] {
                          if (geteuid() != 0) return;
                          if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
                            _exit(1);
                        }});
  }

  /// The files of the scratch directory, without what the tests' own machinery puts there.
  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_.path())) {
      const std::string name = entry.path().filename();
      if (!name.starts_with("std")) names.insert(name);
    }
    return names;
  }

  /// One sentence "leakgate: ..." and one hint, on standard error and nothing else anywhere.
  static void expect_refusal(const ProgramResult& result, int status, std::string_view message) {
    ASSERT_EQ(result.status(), status) << result.err.substr(0, 400);
    EXPECT_EQ(result.out, "");
    std::vector<std::string> lines;
    std::istringstream err(result.err);
    for (std::string line; std::getline(err, line);)
      lines.push_back(line);
    ASSERT_GE(lines.size(), 1u) << "nothing was said";
    EXPECT_TRUE(lines[0].starts_with("leakgate: ")) << lines[0];
    EXPECT_FALSE(lines[0].starts_with("leakgate: hint: ")) << lines[0];
    EXPECT_THAT(lines[0], testing::HasSubstr(std::string(message)));
    EXPECT_LT(lines[0].size(), 200u) << "a sentence, not a dump: " << lines[0];
    EXPECT_FALSE(lines[0].ends_with(".")) << lines[0];
    EXPECT_EQ(lines.size(), 2u) << "one sentence and one hint were promised:\n" << result.err;
    if (lines.size() > 1) {
      EXPECT_TRUE(lines[1].starts_with("leakgate: hint: ") && lines[1].size() > 20) << lines[1];
    }
  }

  Scratch scratch_;
};

}  // namespace leakgate::live
