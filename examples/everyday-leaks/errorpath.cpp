// SPDX-License-Identifier: Apache-2.0
// A leak on the error path alone: what works is clean, what fails leaves without giving back.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

namespace {

/// The length of the line in `text`, or -1 where it has no end.
long line_length(const char* text) {
  // LEAK: 120 bytes in 1 block; test ErrorPath.LeavesWithoutFreeing; function line_length
  auto* copy = static_cast<char*>(std::malloc(120));
  std::strncpy(copy, text, 119);
  copy[119] = '\0';
  const char* end = std::strchr(copy, '\n');
  if (end == nullptr) return -1;
  const long length = end - copy;
  std::free(copy);
  return length;
}

TEST(ErrorPath, WorksWhenNothingGoesWrong) {
  EXPECT_EQ(line_length("four\n"), 4);
}

TEST(ErrorPath, LeavesWithoutFreeing) {
  EXPECT_EQ(line_length("no end"), -1);
}

}  // namespace
