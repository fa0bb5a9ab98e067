// SPDX-License-Identifier: Apache-2.0
// gtest_main with leakgate's listener.
#include <leakgate/gtest.hpp>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  leakgate::install_gtest_listener();
  return RUN_ALL_TESTS();
}
