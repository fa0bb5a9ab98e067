// SPDX-License-Identifier: Apache-2.0
// The three forms of suppressions; see suppressions.h. Line by line; what is not understood is an error,
// because a suppression that silently does nothing is worse.
#include <cxxabi.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/judge/site.h"
#include "harness/judge/suppressions.h"
#include "harness/model/names.h"

namespace leakgate::judge {
namespace {

constexpr std::size_t kMaxLineBytes = 64 * 1024;
constexpr std::size_t kMaxFrames = 512;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const auto begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// LeakSanitizer's pattern as a glob over the whole text: ^ and $ tie it to the ends, else it may stand
/// anywhere.
std::string lsan_glob(std::string_view pattern) {
  std::string glob;
  if (pattern.starts_with('^'))
    pattern.remove_prefix(1);
  else
    glob = "*";
  const bool to_end = pattern.ends_with('$');
  if (to_end) pattern.remove_suffix(1);
  glob += pattern;
  return to_end ? glob : glob + "*";
}

/// A function as Valgrind writes it, mangled, as we have it; with a wildcard in it a mangled name stays what
/// it is.
std::string readable_function(std::string_view name) {
  if (!name.starts_with("_Z") || name.find_first_of("*?") != std::string_view::npos || name.size() > 4096)
    return std::string(name);
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(std::string(name).c_str(), nullptr, nullptr, &status), std::free);
  return status == 0 && text ? std::string(qualified_name(text.get())) : std::string(name);
}

bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = -1;
    const auto parsed = std::from_chars(text.data() + at, text.data() + at + length, value);
    return parsed.ptr == text.data() + at + length && text[at] != '-' ? value : -1;
  };
  const int month = number(5, 2), day = number(8, 2);
  return number(0, 4) >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view file) : rest_(text), file_(file) {}

  Result<std::vector<Suppression>> read() {
    std::string_view raw;
    while (error_.message.empty() && next(raw)) {
      const auto line = trim(raw);
      if (line.empty() || line.starts_with('#')) continue;
      if (line == "{")
        valgrind_block();
      else if (line.starts_with("leak:"))
        lsan_line(line);
      else if (line.starts_with("suppress:"))
        own_line(raw);
      else if (!is_other_sanitizer(line))
        complain(raw, line, "this is no suppression",
                 "a line is leak:PATTERN or suppress: name=value ..., a block of Valgrind's stands between { "
                 "and }");
    }
    if (!error_.message.empty()) return error_;
    return std::move(result_);
  }

 private:
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const auto end = rest_.find('\n');
    line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    ++number_;
    if (line.size() <= kMaxLineBytes) return true;
    complain(line, line, "the line is longer than 64 KiB", "see whether this is a file of suppressions");
    return false;
  }

  void complain(std::string_view raw, std::string_view at, std::string_view what, std::string_view hint) {
    if (!error_.message.empty()) return;
    const auto column = static_cast<std::size_t>(at.data() - raw.data()) + 1;
    error_ = Error{ErrorKind::format, fmt::format("{}:{}:{}: {}", file_, number_, column, what),
                   std::string(hint), 0};
  }

  Suppression& add(Suppression::Form form, std::string_view text) {
    auto& suppression = result_.emplace_back();
    suppression.form = form;
    suppression.text = text;
    suppression.source = fmt::format("{}:{}", file_, number_);
    return suppression;
  }

  /// Files of suppressions are shared between sanitizers.
  static bool is_other_sanitizer(std::string_view line) {
    constexpr auto kKinds = std::to_array<std::string_view>(
        {"race:", "thread:", "mutex:", "signal:", "deadlock:", "called_from_lib:", "race_top:",
         "interceptor_via_fun:", "interceptor_via_lib:", "interceptor_name:", "odr_violation:",
         "alloc_dealloc_mismatch:", "vptr_check:"});
    for (const auto kind : kKinds)
      if (line.starts_with(kind)) return true;
    return false;
  }

  void lsan_line(std::string_view line) {
    const auto pattern = trim(line.substr(5));
    if (pattern.empty())
      return complain(line, line, "leak: without a pattern would hide everything",
                      "name a function, file or module");
    add(Suppression::Form::lsan, line).lsan_glob = lsan_glob(pattern);
  }

  void valgrind_block() {
    Suppression block;
    block.form = Suppression::Form::valgrind;
    block.source = fmt::format("{}:{}", file_, number_);
    bool is_leak = false;
    int row = 0;
    std::string_view raw;
    while (next(raw)) {
      const auto line = trim(raw);
      if (line == "}") {
        if (row < 2)
          complain(raw, line, "the block has no name or no kind",
                   "as in: { name / Memcheck:Leak / fun:malloc }");
        if (is_leak && block.frames.empty())
          complain(raw, line, "the block has no frames and would hide everything",
                   "add a line like fun:NAME");
        if (is_leak && error_.message.empty()) result_.push_back(std::move(block));
        return;
      }
      if (line.empty() || line.starts_with('#')) continue;
      ++row;
      if (row == 1)
        block.text = line;
      else if (row == 2)
        is_leak = names_leaks(line);
      else if (is_leak)
        valgrind_row(raw, line, block);
      if (!error_.message.empty()) return;
    }
    complain(
        rest_, rest_,
        fmt::format("the block that begins in line {} has no end", block.source.substr(file_.size() + 1)),
        "close it with }");
  }

  /// "Memcheck:Leak", "memcheck,helgrind:Leak"
  static bool names_leaks(std::string_view line) {
    const auto colon = line.rfind(':');
    return colon != std::string_view::npos && line.substr(colon + 1) == "Leak" &&
           (line.find("emcheck") != std::string_view::npos);
  }

  void valgrind_row(std::string_view raw, std::string_view line, Suppression& block) {
    if (line.starts_with("match-leak-kinds:")) return leak_kinds(raw, trim(line.substr(17)), block);
    if (block.frames.size() >= kMaxFrames)
      return complain(raw, line, "the block has too many frames", "512 are taken");
    using Of = FramePattern::Of;
    if (line == "...") return void(block.frames.push_back({Of::any_frames, {}}));
    for (const auto& [prefix, of] :
         {std::pair{"fun:", Of::function}, {"obj:", Of::object}, {"src:", Of::source}}) {
      if (!line.starts_with(prefix)) continue;
      const auto pattern = line.substr(4);
      return void(block.frames.push_back(
          {of, of == Of::function ? readable_function(pattern) : std::string(pattern)}));
    }
    complain(raw, line, "this is no frame of a suppression",
             "fun:, obj:, src: and ... are, match-leak-kinds: before them");
  }

  void leak_kinds(std::string_view raw, std::string_view list, Suppression& block) {
    using model::Kind;
    while (!list.empty()) {
      const auto comma = list.find(',');
      const auto word = trim(list.substr(0, comma));
      if (word == "definite")
        block.kinds.insert(Kind::definitely_lost);
      else if (word == "indirect")
        block.kinds.insert(Kind::indirectly_lost);
      else if (word == "possible")
        block.kinds.insert(Kind::possibly_lost);
      else if (word == "reachable")
        block.kinds.insert(Kind::still_reachable);
      else if (word == "all")
        return block.kinds.clear();
      else
        return complain(raw, word.empty() ? raw : word, "this is no kind of leak",
                        "definite, indirect, possible, reachable or all");
      list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    }
    // where reachability was not examined, nobody knows that it is not of these kinds
    block.kinds.insert(Kind::unclassified);
  }

  void own_line(std::string_view raw) {
    const auto line = trim(raw);
    auto& suppression = add(Suppression::Form::own, line);
    std::string_view rest = line.substr(9);
    std::set<std::string_view> seen;
    for (rest = trim(rest); !rest.empty() && error_.message.empty(); rest = trim(rest)) {
      const auto equals = rest.find('=');
      const auto name = trim(rest.substr(0, equals));
      if (equals == std::string_view::npos)
        return complain(raw, rest, fmt::format("'{}' has no value", printable(shorten(name, 40))),
                        "write name=value or name=\"value\"");
      if (!seen.insert(name).second)
        return complain(raw, name, fmt::format("{} is there twice", printable(shorten(name, 40))),
                        "keep one of them");
      const auto at = rest;
      rest.remove_prefix(equals + 1);
      std::string value;
      if (!take_value(raw, rest, value)) return;
      set(raw, at, name, value, suppression);
    }
    const bool chooses = !suppression.function.empty() || !suppression.module.empty() ||
                         !suppression.path.empty() || !suppression.fingerprint.empty() ||
                         !suppression.test.empty();
    if (!chooses)
      complain(raw, line, "this suppression would hide everything",
               "name a function, module, path, fingerprint or test");
  }

  bool take_value(std::string_view raw, std::string_view& rest, std::string& value) {
    if (!rest.starts_with('"')) {
      const auto end = rest.find_first_of(" \t");
      value = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
      return true;
    }
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '"') return rest.remove_prefix(i + 1), true;
      // any other backslash is one: names that are not UTF-8 are shown with some
      if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
      value += rest[i];
    }
    complain(raw, rest, "a quotation mark is missing",
             "a value in quotes ends with a quote; \\\" is one inside");
    return false;
  }

  void set(std::string_view raw, std::string_view at, std::string_view name, const std::string& value,
           Suppression& into) {
    for (const auto& [key, member] : {std::pair{"function", &into.function},
                                      {"module", &into.module},
                                      {"path", &into.path},
                                      {"test", &into.test},
                                      {"fingerprint", &into.fingerprint},
                                      {"owner", &into.owner},
                                      {"reason", &into.reason}})
      if (name == key) return void(*member = value);
    if (name == "kind") {
      const auto kind = model::from_name<model::Kind>(value);
      if (!kind)
        return complain(raw, at, fmt::format("'{}' is no kind", printable(shorten(value, 40))),
                        "definitely_lost, indirectly_lost, possibly_lost, still_reachable or unclassified");
      return void(into.kinds.insert(*kind));
    }
    if (name == "expires") {
      if (!is_date(value))
        return complain(raw, at, fmt::format("'{}' is no date", printable(shorten(value, 40))),
                        "as in expires=2026-12-31");
      return void(into.expires = value);
    }
    if (name == "max-bytes" || name == "max-blocks") {
      std::uint64_t number = 0;
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
      if (value.empty() || parsed.ec != std::errc() || parsed.ptr != value.data() + value.size())
        return complain(raw, at, fmt::format("{} wants a whole number", name), "as in max-bytes=4096");
      return void((name == "max-bytes" ? into.max_bytes : into.max_blocks) = number);
    }
    complain(raw, at, fmt::format("'{}' is not known", printable(shorten(name, 40))),
             "function, module, path, fingerprint, test, kind, max-bytes, max-blocks, owner, reason and "
             "expires are");
  }

  std::string_view rest_, file_;
  std::size_t number_ = 0;
  std::vector<Suppression> result_;
  Error error_;
};

}  // namespace

Result<std::vector<Suppression>> parse_suppressions(std::string_view text, std::string_view file) {
  return Reader(without_byte_order_mark(text), file).read();
}

}  // namespace leakgate::judge
