// SPDX-License-Identifier: Apache-2.0
// A /proc that is missing or foreign is told from a good one.
#include "harness/base/proc_folder.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/base/temporary_directory.h"

namespace leakgate {
namespace {

using ::testing::HasSubstr;

TEST(ProcFolder, OursIsGood) {
  EXPECT_TRUE(check_proc_folder());
}

TEST(ProcFolder, AnEmptyOneIsNotMounted) {
  const testing::TemporaryDirectory directory;
  const std::string folder = directory.path();
  const auto checked = check_proc_folder(folder);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message, folder + " is not mounted, and without it no process can be examined");
  EXPECT_EQ(checked.error().hint, "mount -t proc proc " + folder);

  std::filesystem::create_symlink(std::to_string(::getpid() + 1), folder + "/self");
  const auto foreign = check_proc_folder(folder);
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error().message, HasSubstr("another pid namespace"));
}

}  // namespace
}  // namespace leakgate
