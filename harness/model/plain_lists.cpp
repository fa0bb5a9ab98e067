// SPDX-License-Identifier: Apache-2.0
// Two small parsers; see plain_lists.h. They take less than the grammar allows and never more.
#include "harness/model/plain_lists.h"

#include <algorithm>
#include <charconv>

namespace leakgate::model {
namespace {

constexpr std::uint64_t kNoModule = ~std::uint64_t{0};

/// Stands for itself in a text of JSON, whatever is beside it. (What is no ASCII is negative.)
bool is_plain(char c) {
  return static_cast<signed char>(c) >= 0x20 && c != '\\';
}

/// What is left of a text.
class Rest {
 public:
  explicit Rest(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  /// The next character that is no space; 0 at the end.
  char next() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r'))
      ++at_;
    return at_ == end_ ? '\0' : *at_;
  }
  /// Takes `c`, if it is the next.
  bool take(char c) {
    if (next() != c) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] bool ends() { return next() == '\0' && at_ == end_; }

  /// A whole number from 0 on, as JSON writes it.
  bool number(std::uint64_t& out) {
    const char first = next();
    const auto [after, error] = std::from_chars(at_, end_, out);
    if (error != std::errc() || (first == '0' && after != at_ + 1)) return false;
    at_ = after;
    return at_ != end_ && *at_ != '.' && *at_ != 'e' && *at_ != 'E';
  }
  bool minus_one() {
    if (end_ - at_ < 3 || at_[0] != '-' || at_[1] != '1' || (at_[2] >= '0' && at_[2] <= '9')) return false;
    at_ += 2;
    return *at_ != '.' && *at_ != 'e' && *at_ != 'E';
  }
  /// A text; the next character is its quotation mark.
  bool text(std::vector<std::string>& out) {
    const char* const begin = at_ + 1;
    const char* quote = std::find(begin, end_, '"');
    if (std::all_of(begin, quote, is_plain)) {
      if (quote == end_) return false;
      out.emplace_back(begin, quote);
      at_ = quote + 1;
      return true;
    }
    quote = begin;
    while (quote < end_ && *quote != '"')
      quote += *quote == '\\' ? 2 : 1;
    if (quote >= end_) return false;
    const auto value = nlohmann::json::parse(at_, quote + 1, nullptr, false);
    if (!value.is_string()) return false;
    out.push_back(value.get_ref<const std::string&>());
    at_ = quote + 1;
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

bool read_row(Rest& in, FrameRow& row) {
  if (!in.take('[')) return false;
  for (std::size_t i = 0; i < FrameRow::kColumns; ++i) {
    if (i > 0 && !in.take(',')) return false;
    if (i == FrameRow::kModule && in.next() == '-') {
      if (!in.minus_one()) return false;
      row.columns[i] = kNoModule;
    } else if (!in.number(row.columns[i]) ||
               (i == FrameRow::kModule && row.columns[i] == kNoModule)) {  // it would be taken for -1
      return false;
    }
  }
  return in.take(']');
}

template <typename ReadElement>
bool read_list(std::string_view list, ReadElement read_element) {
  Rest in(list);
  if (!in.take('[')) return false;
  if (in.take(']')) return in.ends();
  do {
    if (!read_element(in)) return false;
  } while (in.take(','));
  return in.take(']') && in.ends();
}

}  // namespace

bool read_plain_strings(std::string_view list, std::vector<std::string>& out) {
  return read_list(list, [&](Rest& in) { return in.next() == '"' && in.text(out); });
}

bool read_plain_frames(std::string_view list, std::vector<FrameRow>& out) {
  return read_list(list, [&](Rest& in) { return read_row(in, out.emplace_back()); });
}

}  // namespace leakgate::model
