// SPDX-License-Identifier: Apache-2.0
#include "harness/base/sanitizer_library.h"

#include <gtest/gtest.h>

namespace leakgate {
namespace {

TEST(SanitizerLibrary, IsKnownByTheNameOfItsFile) {
  for (const char* path : {"/usr/lib/x86_64-linux-gnu/libasan.so.8", "/lib/libhwasan.so.0", "liblsan.so.0",
                           "/opt/llvm/libmsan.so", "/usr/lib/libtsan.so.2.0.0"})
    EXPECT_TRUE(is_sanitizer_library(path)) << path;
}

TEST(SanitizerLibrary, OthersAreNone) {
  for (const char* path : {"/usr/lib/libc.so.6", "/usr/lib/libubsan.so.1", "/opt/libasan/libc.so.6",
                           "/usr/lib/notlibasan.so", "/usr/lib/libasan/", ""})
    EXPECT_FALSE(is_sanitizer_library(path)) << path;
}

}  // namespace
}  // namespace leakgate
