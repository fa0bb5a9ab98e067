// SPDX-License-Identifier: Apache-2.0
// Recursive descent over bytes; see json_reader.h. The first thing found wrong ends it.
#include "harness/base/json_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "harness/base/text.h"

namespace leakgate {
namespace {

constexpr std::size_t kMaxDepth = 64;

class Parser {
 public:
  Parser(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  Result<JsonValue> parse() {
    JsonValue value;
    skip_space();
    if (this->value(value, 0)) {
      skip_space();
      if (at_ < text_.size()) complain("something follows the end of the document");
    }
    if (!error_.empty()) return Error{ErrorKind::format, error_, hint_, 0};
    return value;
  }

 private:
  [[nodiscard]] bool ends() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return ends() ? '\0' : text_[at_]; }
  [[nodiscard]] JsonPlace place() const { return {line_, at_ - line_start_ + 1}; }

  bool complain(std::string_view what, std::string_view hint = "see RFC 8259 for what JSON is") {
    if (error_.empty()) {
      error_ = fmt::format("{}:{}:{}: {}", file_, line_, at_ - line_start_ + 1, what);
      hint_ = hint;
    }
    return false;
  }

  void skip_space() {
    for (; !ends(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') ++line_, line_start_ = at_ + 1;
      if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    }
  }

  bool value(JsonValue& out, std::size_t depth) {
    if (depth > kMaxDepth) return complain("nested too deeply");
    out.place = place();
    switch (peek()) {
      case '{':
        return object(out, depth);
      case '[':
        return array(out, depth);
      case '"':
        out.type = JsonType::string;
        return string(out.text);
      case 't':
      case 'f':
        out.type = JsonType::boolean;
        out.boolean = peek() == 't';
        return word(out.boolean ? "true" : "false");
      case 'n':
        return word("null");
      default:
        return number(out);
    }
  }

  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return unexpected("a value");
    at_ += expected.size();
    return true;
  }

  bool unexpected(std::string_view wanted) {
    if (ends()) return complain(fmt::format("the file ends where {} was expected", wanted));
    if (text_.substr(at_).starts_with("<<<<<<<") || text_.substr(at_).starts_with("=======") ||
        text_.substr(at_).starts_with(">>>>>>>"))
      return complain("a conflict of a merge was left here", "settle the conflict in git first");
    return complain(fmt::format("{} was expected, not '{}'", wanted, printable(text_.substr(at_, 1))));
  }

  bool number(JsonValue& out) {
    const std::size_t start = at_;
    const auto digits = [&] {
      const std::size_t first = at_;
      while (peek() >= '0' && peek() <= '9')
        ++at_;
      return at_ > first;
    };
    if (peek() == '-') ++at_;
    const bool leading_zero = peek() == '0';
    const std::size_t whole_start = at_;
    if (!digits()) return at_ = start, unexpected("a value");
    if (leading_zero && at_ - whole_start > 1) return complain("a number begins with 0");
    bool is_whole = text_[start] != '-';
    if (peek() == '.') {
      ++at_, is_whole = false;
      if (!digits()) return unexpected("a digit");
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_, is_whole = false;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) return unexpected("a digit");
    }
    const char *begin = text_.data() + start, *end = text_.data() + at_;
    out.type = JsonType::number;
    std::uint64_t whole = 0;
    if (is_whole && std::from_chars(begin, end, whole).ec == std::errc()) out.whole = whole;
    if (std::from_chars(begin, end, out.number).ec != std::errc())
      return complain("a number is out of range");
    return true;
  }

  bool string(std::string& out) {
    ++at_;
    for (;;) {
      if (ends()) return complain("the file ends inside a string");
      const auto byte = static_cast<unsigned char>(peek());
      if (byte == '"') return ++at_, true;
      if (byte < 0x20)
        return complain("a control character stands in a string", "write it as an escape, like \\n");
      if (byte == '\\') {
        if (!escape(out)) return false;
        continue;
      }
      const auto character = decode_utf8(text_.substr(at_));
      if (!character.valid) return complain("a string is not valid UTF-8");
      out.append(text_.substr(at_, character.length));
      at_ += character.length;
    }
  }

  bool escape(std::string& out) {
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    ++at_;
    const auto plain = kFrom.find(peek());
    if (!ends() && plain != std::string_view::npos) return ++at_, out += kTo[plain], true;
    if (peek() != 'u') return complain("an escape is not known");
    std::uint32_t code = 0;
    if (!hex4(code)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
      std::uint32_t low = 0;
      if (text_.substr(at_, 2) != "\\u") return complain("half a surrogate pair");
      ++at_;
      if (!hex4(low)) return false;
      if (low < 0xDC00 || low > 0xDFFF) return complain("half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      return complain("half a surrogate pair");
    }
    append_utf8(out, code);
    return true;
  }

  /// Four hex digits behind the 'u' that stands here.
  bool hex4(std::uint32_t& code) {
    ++at_;
    const std::string_view digits = text_.substr(at_, 4);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || parsed.ec != std::errc() || parsed.ptr != digits.data() + 4)
      return complain("\\u wants four hex digits");
    at_ += 4;
    return true;
  }

  static void append_utf8(std::string& out, std::uint32_t code) {
    const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
      byte(0xC0 | code >> 6);
    } else {
      if (code < 0x10000) {
        byte(0xE0 | code >> 12);
      } else {
        byte(0xF0 | code >> 18);
        byte(0x80 | (code >> 12 & 0x3F));
      }
      byte(0x80 | (code >> 6 & 0x3F));
    }
    byte(0x80 | (code & 0x3F));
  }

  bool array(JsonValue& out, std::size_t depth) {
    out.type = JsonType::array;
    ++at_;
    skip_space();
    if (peek() == ']') return ++at_, true;
    for (;;) {
      if (!value(out.elements.emplace_back(), depth + 1)) return false;
      skip_space();
      if (peek() == ']') return ++at_, true;
      if (peek() != ',') return unexpected("a comma or ]");
      ++at_;
      skip_space();
    }
  }

  bool object(JsonValue& out, std::size_t depth) {
    out.type = JsonType::object;
    std::set<std::string> names;
    ++at_;
    skip_space();
    if (peek() == '}') return ++at_, true;
    for (;;) {
      auto& member = out.members.emplace_back();
      member.place = place();
      if (peek() != '"') return unexpected("a name in quotes");
      if (!string(member.name)) return false;
      if (!names.insert(member.name).second)
        return complain(fmt::format("'{}' is there twice", printable(shorten(member.name, 40))),
                        "keep one of them");
      skip_space();
      if (peek() != ':') return unexpected("a colon");
      ++at_;
      skip_space();
      if (!value(member.value, depth + 1)) return false;
      skip_space();
      if (peek() == '}') return ++at_, true;
      if (peek() != ',') return unexpected("a comma or }");
      ++at_;
      skip_space();
    }
  }

  std::string_view text_, file_;
  std::size_t at_ = 0, line_ = 1, line_start_ = 0;
  std::string error_, hint_;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
  const auto it =
      std::find_if(members.begin(), members.end(), [&](const Member& member) { return member.name == name; });
  return it == members.end() ? nullptr : &it->value;
}

Result<JsonValue> parse_json(std::string_view text, std::string_view file) {
  return Parser(without_byte_order_mark(text), file).parse();
}

std::string_view describe(JsonType type) {
  constexpr std::string_view kWords[] = {"null",     "true or false", "a number",
                                         "a string", "a list",        "an object"};
  return kWords[static_cast<std::size_t>(type)];
}

}  // namespace leakgate
