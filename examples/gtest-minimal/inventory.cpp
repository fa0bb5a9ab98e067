// SPDX-License-Identifier: Apache-2.0
// The code under test. A comment that begins with "LEAK:" is read by the tests of leakgate itself: it says
// what the line below it loses.
#include "inventory.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace shop {

int* make_counters(std::size_t count) {
  // LEAK: 40 bytes in 1 block; test Inventory.CountsAreForgotten; function make_counters
  return new int[count]();
}

std::string* make_label(const char* text) {
  // LEAK: 32 bytes in 1 block; test Inventory.LabelIsForgotten; function make_label
  return new std::string(text);
}

Item* make_item(long id) {
  // LEAK: 72 bytes in 3 blocks; test Inventory.ItemsOutliveTheirVector; function make_item
  auto* item = new Item();
  item->id = id;
  return item;
}

std::size_t grow_and_measure(std::size_t bytes) {
  void* buffer = std::malloc(16);
  // LEAK: 100 bytes in 1 block; test Sizes/BufferTest.Grows/1; function grow_and_measure
  void* grown = std::realloc(buffer, bytes);
  if (grown == nullptr) {
    std::free(buffer);
    return 0;
  }
  std::memset(grown, 1, bytes);
  if (bytes <= 64) std::free(grown);
  return bytes;
}

long parse_price(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) {
    throw std::invalid_argument("not a price: " + text);
  }
  return std::strtol(text.c_str(), nullptr, 10);
}

char* copy_name(const char* text) {
  return strdup(text);
}

}  // namespace shop
