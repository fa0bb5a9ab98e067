// SPDX-License-Identifier: Apache-2.0
// Separators, indentation and escapes of JSON; see json_writer.h.
#include "harness/base/json_writer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "harness/base/plain_run.h"
#include "harness/base/text.h"

namespace leakgate {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;

/// A quotation mark, `text`, `end`: in one piece, because most of a report is made of such. False, and
/// nothing done, if the text is long or needs an escape.
bool append_short(std::string& out, std::string_view text, std::string_view end) {
  std::array<char, 128> piece;
  if (text.size() + 8 > piece.size() || plain_run<PlainFor::json>(text) != text.size()) return false;
  piece[0] = '"';
  std::copy(text.begin(), text.end(), piece.begin() + 1);
  const auto after = std::copy(end.begin(), end.end(), piece.begin() + 1 + std::ssize(text));
  out.append(piece.data(), static_cast<std::size_t>(after - piece.begin()));
  return true;
}

}  // namespace

void JsonWriter::new_line(std::size_t depth) {
  out_ += '\n';
  out_.append(2 * depth, ' ');
}

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (has_elements_.empty()) return;
  const bool first = !has_elements_.back();
  if (first) has_elements_.back() = true;
  if (has_elements_.size() <= pretty_depth_) {
    if (!first) out_ += ',';
    new_line(has_elements_.size());
  } else if (!first) {
    out_.append(", ", pretty_depth_ > 0 ? 2 : 1);
  }
}

void JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  has_elements_.push_back(false);
}

void JsonWriter::close(char bracket) {
  const bool had = has_elements_.back();
  const std::size_t depth = has_elements_.size();
  has_elements_.pop_back();
  if (had && depth <= pretty_depth_) new_line(depth - 1);
  out_ += bracket;
  if (sink_ && out_.size() >= kChunkBytes) flush();
}

void JsonWriter::flush() {
  sink_(out_);
  out_.clear();
}

void JsonWriter::key(std::string_view name) {
  separate();
  if (!append_short(out_, name, pretty_depth_ > 0 ? "\": " : "\":")) {
    quote(name);
    out_.append(": ", pretty_depth_ > 0 ? 2 : 1);
  }
  after_key_ = true;
}

void JsonWriter::string(std::string_view text) {
  separate();
  quote(text);
}

void JsonWriter::number(std::uint64_t value) {
  separate();
  const fmt::format_int digits(value);
  out_.append(digits.data(), digits.size());
}

void JsonWriter::number_signed(std::int64_t value) {
  separate();
  const fmt::format_int digits(value);
  out_.append(digits.data(), digits.size());
}

void JsonWriter::decimal(double value, int digits) {
  separate();
  std::string text = fmt::format("{:.{}f}", std::isfinite(value) ? value : 0.0, digits);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  out_ += text == "-0" ? "0" : text;
}

void JsonWriter::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
}

void JsonWriter::null() {
  separate();
  out_ += "null";
}

void JsonWriter::quote(std::string_view text) {
  if (append_short(out_, text, "\"")) return;
  out_ += '"';
  while (!text.empty()) {
    const std::size_t plain = plain_run<PlainFor::json>(text);
    out_ += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const Utf8Char c = decode_utf8(text);
    if (!c.valid)
      out_ += "\xEF\xBF\xBD";
    else if (c.code_point == '"' || c.code_point == '\\')
      (out_ += '\\') += static_cast<char>(c.code_point);
    else if (c.code_point == '\n')
      out_ += "\\n";
    else if (c.code_point == '\t')
      out_ += "\\t";
    else if (c.code_point < 0x20 || c.code_point == 0x7F)
      fmt::format_to(std::back_inserter(out_), "\\u{:04x}", c.code_point);
    else
      out_ += text.substr(0, c.length);
    text.remove_prefix(c.length);
  }
  out_ += '"';
}

}  // namespace leakgate
