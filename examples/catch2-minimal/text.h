// SPDX-License-Identifier: Apache-2.0
// The code under test: text handling with the mistakes people make.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace text {

/// A copy in upper case; the caller owns it (free).
char* upper_case(const char* word);

/// A zeroed table of letter counts, 26 numbers of 4 bytes; the caller owns it (free).
unsigned* count_letters(const char* word);

/// Checks that the brackets of `source` match; throws std::runtime_error where they do not, and then loses
/// its stack.
void check_brackets(const std::string& source);

/// One line of a document.
class Line {
 public:
  explicit Line(std::size_t width_in) : width(width_in) {}
  std::size_t width;
  long position[3] = {};
};

/// A new line; the caller owns it (delete).
Line* make_line(std::size_t width);

/// A page of `bytes` bytes; the caller owns it (delete[]).
char* make_page(std::size_t bytes);

/// The words of `sentence`.
std::vector<std::string> split(const std::string& sentence);

}  // namespace text
