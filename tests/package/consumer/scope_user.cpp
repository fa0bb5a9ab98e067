// SPDX-License-Identifier: Apache-2.0
// A program with no test framework at all.
#include <leakgate/scope.hpp>

int main() {
  leakgate::Scope scope("nothing");
  (void)scope;
  return 0;
}
