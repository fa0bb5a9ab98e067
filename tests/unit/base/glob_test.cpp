// SPDX-License-Identifier: Apache-2.0
// Globs over paths.
#include "harness/base/glob.h"

#include <gtest/gtest.h>

namespace leakgate {
namespace {

TEST(PathGlob, ARelativePatternFitsBelowAnyFolder) {
  EXPECT_TRUE(path_glob_matches("src/*.cpp", "/home/dev/app/src/a.cpp"));
  EXPECT_TRUE(path_glob_matches("app/src/a.cpp", "/home/dev/app/src/a.cpp"));
  EXPECT_FALSE(path_glob_matches("rc/a.cpp", "/home/dev/app/src/a.cpp"));
  EXPECT_FALSE(path_glob_matches("src", "/home/dev/app/src/a.cpp"));
}

TEST(PathGlob, AllElseFitsTheWholePath) {
  EXPECT_TRUE(path_glob_matches("src/a.cpp", "src/a.cpp"));
  EXPECT_FALSE(path_glob_matches("a.cpp", "src/a.cpp"));
  EXPECT_TRUE(path_glob_matches("/home/*", "/home/dev/a.cpp"));
  EXPECT_FALSE(path_glob_matches("/dev/*", "/home/dev/a.cpp"));
  EXPECT_FALSE(path_glob_matches("", "/a.cpp"));
}

}  // namespace
}  // namespace leakgate
