// SPDX-License-Identifier: Apache-2.0
// operator new that fails: the new handler runs, gives up, and std::bad_alloc passes through every probed
// function.
// truth: 1 block, 140 bytes; the program ends with status 0 (a return probe on operator new would abort it)
#include <cstdint>
#include <new>

#include "common.h"

namespace {

int handled = 0;

void give_up() {
  if (++handled == 2) std::set_new_handler(nullptr);
}

}  // namespace

int main() {
  live_keep(::operator new(140));
  std::set_new_handler(give_up);
  int caught = 0;
  for (int round = 0; round < 100; ++round) {
    try {
      live_keep(::operator new(live_opaque(SIZE_MAX / 4)));
    } catch (const std::bad_alloc&) {
      ++caught;
    }
  }
  return caught == 100 && handled == 2 ? 0 : 1;
}
