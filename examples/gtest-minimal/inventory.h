// SPDX-License-Identifier: Apache-2.0
// The code under test: a small inventory with the mistakes people make. It is built as any library is.
#pragma once

#include <cstddef>
#include <string>

namespace shop {

struct Item {
  long id = 0;
  long price_cents = 0;
  long stock = 0;
};

/// Returns a table of `count` counters; the caller owns it (delete[]).
int* make_counters(std::size_t count);

/// Returns a new label; the caller owns it (delete).
std::string* make_label(const char* text);

/// Returns a new item; the caller owns it (delete).
Item* make_item(long id);

/// Grows a buffer of 16 bytes to `bytes` and gives it back, unless `bytes` is more than 64: then it forgets
/// to.
std::size_t grow_and_measure(std::size_t bytes);

/// Reads a price; throws std::invalid_argument on anything but digits.
long parse_price(const std::string& text);

/// A copy of `text` made with strdup; the caller owns it (free).
char* copy_name(const char* text);

}  // namespace shop
