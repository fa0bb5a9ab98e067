// SPDX-License-Identifier: Apache-2.0
// The code under test. A comment that begins with "LEAK:" is read by the tests of leakgate itself: it says
// what the line below it loses.
#include "text.h"

#include <cctype>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>

namespace text {

char* upper_case(const char* word) {
  // LEAK: 9 bytes in 1 block; test a word in upper case is forgotten; function upper_case
  char* copy = strdup(word);
  for (char* letter = copy; letter != nullptr && *letter != '\0'; ++letter) {
    *letter = static_cast<char>(std::toupper(static_cast<unsigned char>(*letter)));
  }
  return copy;
}

unsigned* count_letters(const char* word) {
  // LEAK: 104 bytes in 1 block; test letter counts are forgotten; function count_letters
  auto* counts = static_cast<unsigned*>(std::calloc(26, 4));
  for (; counts != nullptr && *word != '\0'; ++word) {
    if (*word >= 'a' && *word <= 'z') ++counts[*word - 'a'];
  }
  return counts;
}

void check_brackets(const std::string& source) {
  // LEAK: 200 bytes in 1 block; test an exception skips the delete; function check_brackets
  char* stack = new char[200];
  std::size_t depth = 0;
  for (const char letter : source) {
    if (letter == '(' && depth < 200) stack[depth++] = letter;
    if (letter == ')' && depth-- == 0) throw std::runtime_error("closing bracket without an opening one");
  }
  delete[] stack;
}

Line* make_line(std::size_t width) {
  // LEAK: 64 bytes in 2 blocks; test lines of some widths are forgotten; function make_line
  return new Line(width);
}

char* make_page(std::size_t bytes) {
  // LEAK: 512 bytes in 1 block; test only one section forgets its page; function make_page
  char* page = new char[bytes];
  std::memset(page, ' ', bytes);
  return page;
}

std::vector<std::string> split(const std::string& sentence) {
  std::istringstream stream(sentence);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
  return words;
}

}  // namespace text
