// SPDX-License-Identifier: Apache-2.0
// compact_name(): a demangled name as a person would have written it. A small recursive reader over template
// argument lists; whatever it does not understand it leaves alone, so that a name is never made wrong, only
// longer.
#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

#include "harness/symbolize/demangle.h"

namespace leakgate::symbolize {
namespace {

constexpr int kMaxDepth = 100;

bool is_identifier_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

bool is_trailing_default(const std::vector<std::string>& arguments, bool in_std) {
  const std::string& last = arguments.back();
  const std::string& first = arguments.front();
  if (last.starts_with("std::allocator<") && last.ends_with(">")) return true;
  if (!in_std) return false;
  for (const std::string_view name :
       {"std::char_traits<", "std::less<", "std::equal_to<", "std::hash<", "std::default_delete<"}) {
    if (last == std::string(name) + first + ">") return true;
  }
  // std::stack and std::queue over std::deque, std::priority_queue over std::vector.
  return last == "std::deque<" + first + ">" || last == "std::vector<" + first + ">";
}

/// The name of the template that ends at the end of `text` ("std::vector" of "foo(std::vector").
std::string_view template_name(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0 && (is_identifier_char(text[begin - 1]) || text[begin - 1] == ':'))
    --begin;
  return text.substr(begin);
}

/// std::basic_string<char> and its like: the typedef everybody knows them by.
void apply_char_typedef(std::string& text, std::size_t name_begin) {
  static constexpr std::array<std::string_view, 14> kNames{
      "string",        "string_view", "ostream",  "istream",  "iostream",  "stringstream", "ostringstream",
      "istringstream", "fstream",     "ofstream", "ifstream", "streambuf", "filebuf",      "stringbuf"};
  const std::string_view spelled = std::string_view(text).substr(name_begin);
  for (const std::string_view name : kNames) {
    if (spelled == "std::basic_" + std::string(name) + "<char>") {
      text.replace(name_begin, std::string::npos, "std::" + std::string(name));
      return;
    }
    if (spelled == "std::basic_" + std::string(name) + "<wchar_t>") {
      text.replace(name_begin, std::string::npos, "std::w" + std::string(name));
      return;
    }
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  /// The whole text folded; nothing if brackets do not match.
  std::optional<std::string> read_all() {
    std::string out;
    if (!read(out, "") || position_ != text_.size()) return std::nullopt;
    return out;
  }

 private:
  [[nodiscard]] std::string_view rest() const { return text_.substr(position_); }

  /// Reads to the first character of `stops` at this nesting depth (not consumed), or to the end if `stops`
  /// is empty.
  bool read(std::string& out, std::string_view stops) {
    if (++depth_ > kMaxDepth) return false;
    while (position_ < text_.size()) {
      const char c = text_[position_];
      if (stops.find(c) != std::string_view::npos) {
        --depth_;
        return true;
      }
      if (!read_one(out, c)) return false;
    }
    --depth_;
    return stops.empty();
  }

  bool read_one(std::string& out, char c) {
    if (rest().starts_with("[abi:")) return skip_abi_tag();
    if (rest().starts_with("operator") && at_word_begin(out)) return read_operator(out);
    for (const std::string_view inline_namespace : {"__cxx11::", "__1::"}) {
      if (rest().starts_with(inline_namespace) && out.ends_with("std::")) {
        position_ += inline_namespace.size();
        return true;
      }
    }
    if (c == '(' || c == '[' || c == '{') return read_bracket(out, c);
    if (c == ')' || c == ']' || c == '}' || c == '>') {
      if (c == '>' && out.ends_with('-')) return copy(out, c);  // "->" in an expression
      return false;
    }
    if (c == '<' && !out.empty() && is_identifier_char(out.back())) return read_arguments(out);
    if (c == '<') return read_angle_text(out);
    return copy(out, c);
  }

  bool copy(std::string& out, char c) {
    out += c;
    ++position_;
    return true;
  }

  static bool at_word_begin(const std::string& out) { return out.empty() || !is_identifier_char(out.back()); }

  bool skip_abi_tag() {
    const auto end = text_.find(']', position_);
    if (end == std::string_view::npos) return false;
    position_ = end + 1;
    return true;
  }

  /// "operator<<", "operator()", "operator->": the symbol characters are part of the name, not brackets.
  bool read_operator(std::string& out) {
    constexpr std::string_view kWord = "operator";
    out += kWord;
    position_ += kWord.size();
    for (const std::string_view symbol :
         {"()", "[]", "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<", ">"}) {
      if (rest().starts_with(symbol)) {
        out += symbol;
        position_ += symbol.size();
        // "operator< <int>": the demangler's space keeps the two apart; the list is one of template
        // arguments.
        if (rest().starts_with(" <")) return copy(out, ' ') && read_angle_text(out);
        if (rest().starts_with("<")) return read_angle_text(out);
        return true;
      }
    }
    return true;
  }

  bool read_bracket(std::string& out, char open) {
    const char close = open == '(' ? ')' : open == '[' ? ']' : '}';
    copy(out, open);
    if (!read(out, std::string_view(&close, 1))) return false;
    return copy(out, close);
  }

  /// "<...>" that is no argument list of a named template ("<lambda(int)>"): copied, its inside folded.
  bool read_angle_text(std::string& out) {
    copy(out, '<');
    std::string inner;
    if (!read(inner, ">")) return false;
    out += inner;
    return copy(out, '>');
  }

  bool read_arguments(std::string& out) {
    ++position_;
    std::vector<std::string> arguments;
    for (;;) {
      std::string argument;
      if (!read(argument, ",>")) return false;
      while (argument.starts_with(' '))
        argument.erase(0, 1);
      while (argument.ends_with(' '))
        argument.pop_back();
      arguments.push_back(std::move(argument));
      const char stop = text_[position_++];
      if (stop == '>') break;
    }
    const std::string_view name = template_name(out);
    const std::size_t name_begin = out.size() - name.size();
    const bool in_std = name.starts_with("std::");
    // std::map's allocator is of pairs and its comparison of the key, so the defaults go one by one from the
    // end.
    while (arguments.size() > 1 && is_trailing_default(arguments, in_std))
      arguments.pop_back();
    out += '<';
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      if (i > 0) out += ", ";
      out += arguments[i];
    }
    out += '>';
    if (in_std) apply_char_typedef(out, name_begin);
    return true;
  }

  std::string_view text_;
  std::size_t position_ = 0;
  int depth_ = 0;
};

/// Where the function's own name begins: after the return type that the demangler prints for template
/// functions.
std::size_t name_begin(std::string_view text) {
  int depth = 0;
  std::size_t begin = 0;
  bool has_parameters = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (depth == 0 && text.substr(i).starts_with("operator") &&
        (i == 0 || !is_identifier_char(text[i - 1]))) {
      return begin;  // operator new, a conversion: what follows may hold blanks and brackets
    }
    if (c == '<' || c == '[' || c == '{') ++depth;
    if (c == '>' || c == ']' || c == '}') --depth;
    if (c == '(') {
      // "(anonymous namespace)::f" and "(*f)(int)" at depth 0: only the former is part of a name.
      if (depth == 0 && !text.substr(i).starts_with("(anonymous namespace)")) {
        has_parameters = true;
        break;
      }
      ++depth;
    }
    if (c == ')') --depth;
    if (depth < 0) return 0;
    if (c == ' ' && depth == 0) begin = i + 1;
  }
  // A local entity ("f(int)::{lambda()#1}::operator()") has the parameters of its parent in front; no return
  // type then unless the parent has one, and dropping that is right as well.
  return has_parameters ? begin : 0;
}

}  // namespace

std::string compact_name(std::string_view demangled) {
  std::string_view text = demangled;
  if (const auto clone = text.find(" [clone "); clone != std::string_view::npos) text = text.substr(0, clone);
  // C functions that the compiler split or specialised: f.cold, f.part.0, f.constprop.0, f.isra.0,
  // f.lto_priv.0.
  if (text.find('(') == std::string_view::npos) {
    for (const std::string_view suffix :
         {".cold", ".part.", ".constprop.", ".isra.", ".lto_priv.", ".llvm."}) {
      if (const auto at = text.find(suffix); at != std::string_view::npos && at > 0)
        text = text.substr(0, at);
    }
  }
  std::optional<std::string> folded = Reader(text).read_all();
  if (!folded) return std::string(demangled);
  const std::size_t begin = name_begin(*folded);
  return begin < folded->size() ? folded->substr(begin) : *folded;
}

}  // namespace leakgate::symbolize
