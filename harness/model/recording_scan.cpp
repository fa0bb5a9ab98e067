// SPDX-License-Identifier: Apache-2.0
// One pass over the brackets; texts are jumped over, as most of a recording is text.
#include "harness/model/recording_scan.h"

#include <algorithm>
#include <cstring>

namespace leakgate::model {
namespace {

/// The place of the quotation mark that ends the text begun before `from`; the size of `body` if none does.
std::size_t text_end(std::string_view body, std::size_t from) {
  std::size_t quote = std::min(body.find('"', from), body.size());
  for (;;) {
    const auto escape = body.substr(0, quote).find('\\', from);
    if (escape == std::string_view::npos) return quote;
    from = escape + 2;
    if (from > quote) quote = std::min(body.find('"', std::min(from, body.size())), body.size());
    if (from > body.size()) return body.size();
  }
}

}  // namespace

BodyScan scan_body(std::string_view body) {
  BodyScan scan;
  std::size_t depth = 0, list_begin = 0;
  std::string_view last_text, name;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '"') {
      const auto end = text_end(body, i + 1);
      if (depth == 1) last_text = body.substr(i + 1, end - i - 1);
      i = end;
    } else if (c == '[' || c == '{') {
      scan.deepest = std::max(scan.deepest, ++depth);
      if (depth == 2) list_begin = c == '[' && !name.empty() ? i : body.size();
    } else if ((c == ']' || c == '}') && depth > 0) {
      if (depth == 2 && c == ']' && list_begin < body.size())
        scan.lists.push_back({name, body.substr(list_begin, i + 1 - list_begin)});
      --depth;
    } else if (depth == 1 && c == ':') {
      name = last_text;
    } else if (depth == 1 && c == ',') {
      name = {};
    }
  }
  return scan;
}

}  // namespace leakgate::model
