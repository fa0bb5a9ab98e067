// SPDX-License-Identifier: Apache-2.0
// A container of raw pointers: the vector goes, the objects stay.
#include <gtest/gtest.h>

#include <vector>

namespace {

struct Shape {
  double corners[8] = {};
};

Shape* make_shape() {
  // LEAK: 192 bytes in 3 blocks; test Pointers.OutliveTheirVector; function make_shape
  return new Shape;
}

TEST(Pointers, OutliveTheirVector) {
  std::vector<Shape*> shapes;
  for (int i = 0; i < 3; ++i)
    shapes.push_back(make_shape());
  EXPECT_EQ(shapes.size(), 3u);
}

}  // namespace
