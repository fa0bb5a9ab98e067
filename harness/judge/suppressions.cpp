// SPDX-License-Identifier: Apache-2.0
// Matching, as each form's own tool does it: LeakSanitizer looks for its pattern in any frame, Valgrind from
// the innermost frame on.
#include "harness/judge/suppressions.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "harness/base/glob.h"
#include "harness/base/text.h"
#include "harness/judge/rounds.h"
#include "harness/judge/site.h"
#include "harness/model/names.h"

namespace leakgate::judge {
namespace {

bool lsan_matches(const std::string& glob, const model::Leak& leak) {
  // LeakSanitizer's stacks begin with the allocation function
  if (glob_matches(glob, leak.function)) return true;
  return std::any_of(leak.stack.begin(), leak.stack.end(), [&](const model::VerdictFrame& frame) {
    return glob_matches(glob, frame.function) || glob_matches(glob, frame.file) ||
           glob_matches(glob, frame.module);
  });
}

bool function_matches(const std::string& glob, std::string_view function) {
  return glob_matches(glob, function) || glob_matches(glob, qualified_name(function));
}

bool frame_matches(const FramePattern& pattern, const model::VerdictFrame& frame) {
  switch (pattern.of) {
    case FramePattern::Of::function:
      return !frame.function.empty() && function_matches(pattern.glob, frame.function);
    case FramePattern::Of::object:
      return glob_matches(pattern.glob, frame.module);
    case FramePattern::Of::source:
      return path_glob_matches(pattern.glob, frame.file) ||
             glob_matches(pattern.glob, fmt::format("{}:{}", base_name(frame.file), frame.line));
    case FramePattern::Of::any_frames:
      break;
  }
  return true;
}

using Frames = std::vector<model::VerdictFrame>;

/// As Valgrind: the patterns in order from the innermost frame; "..." is any number of frames.
bool frames_match(const std::vector<FramePattern>& patterns, const Frames& frames) {
  constexpr auto kNone = static_cast<std::size_t>(-1);
  std::size_t p = 0, f = 0, dots = kNone, dots_frame = 0;
  while (p < patterns.size()) {
    if (patterns[p].of == FramePattern::Of::any_frames) {
      dots = p++;
      dots_frame = f;
    } else if (f < frames.size() && frame_matches(patterns[p], frames[f])) {
      ++p, ++f;
    } else if (dots != kNone && dots_frame < frames.size()) {
      p = dots + 1;
      f = ++dots_frame;
    } else {
      return false;
    }
  }
  return true;
}

bool is_operator_new(const model::VerdictFrame& frame) {
  return frame.function.starts_with("operator new");
}

/// The allocation function is the innermost frame for Valgrind, though our stacks begin with its caller.
bool valgrind_matches(const Suppression& suppression, const model::Leak& leak) {
  const auto& patterns = suppression.frames;
  Frames frames(1);
  frames[0].function = leak.function;
  frames.insert(frames.end(), leak.stack.begin(), leak.stack.end());
  if (frames_match(patterns, frames)) return true;
  if (frames.size() < 2 || !is_operator_new(frames[1])) return false;
  // the operator that was called is the whole allocator for Valgrind, and what it called is none of its
  // frames
  const auto user = std::find_if_not(frames.begin() + 1, frames.end(), is_operator_new);
  frames.erase(frames.begin(), user - 1);
  if (frames_match(patterns, frames)) return true;
  // new[] jumps to new, and leaves no frame
  constexpr std::string_view kSingle = "operator new(";
  if (!frames[0].function.starts_with(kSingle)) return false;
  const std::string array_form = fmt::format("operator new[]({}", frames[0].function.substr(kSingle.size()));
  frames[0].function = array_form;
  return frames_match(patterns, frames);
}

bool own_matches(const Suppression& suppression, const model::Leak& leak) {
  const auto fits = [](const std::string& glob, auto matches) { return glob.empty() || matches(glob); };
  if (!fits(suppression.fingerprint, [&](const auto& glob) { return glob_matches(glob, leak.fingerprint); }))
    return false;
  if (suppression.function.empty() && suppression.module.empty() && suppression.path.empty()) return true;
  return std::any_of(leak.stack.begin(), leak.stack.end(), [&](const model::VerdictFrame& frame) {
    return fits(suppression.function,
                [&](const auto& glob) { return function_matches(glob, frame.function); }) &&
           fits(suppression.module,
                [&](const auto& glob) {
                  return glob_matches(glob, frame.module) || glob_matches(glob, base_name(frame.module));
                }) &&
           fits(suppression.path, [&](const auto& glob) { return path_glob_matches(glob, frame.file); });
  });
}

/// `text` as a value of our own form: quoted where it has to be.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

bool Suppression::matches(const model::Leak& leak, std::string_view test_id) const {
  if (!kinds.empty() && kinds.count(leak.kind) == 0) return false;
  if (!test.empty() && !glob_matches(test, test_id)) return false;
  switch (form) {
    case Form::lsan:
      return lsan_matches(lsan_glob, leak);
    case Form::valgrind:
      return valgrind_matches(*this, leak);
    case Form::own:
      return own_matches(*this, leak);
  }
  return false;
}

bool Suppression::expired(std::string_view started) const {
  return !expires.empty() && started.size() >= expires.size() && started.substr(0, expires.size()) > expires;
}

std::string format_suppressions(const model::Verdict& verdict) {
  struct Sum {
    RunAmount amount;
    std::string place;
    std::set<std::string> tests;
  };
  const Rounds rounds(verdict, Processes::runs);
  std::map<std::string, Sum> sums;
  for (const auto& leak : verdict.leaks) {
    if (leak.verdict != model::LeakVerdict::fail || leak.test >= verdict.tests.size()) continue;
    Sum& sum = sums[leak.fingerprint];
    sum.amount.add(leak.test, {leak.bytes, leak.blocks});
    sum.tests.insert(verdict.tests[leak.test].test.id);
    if (!sum.place.empty() || leak.site >= leak.stack.size()) continue;
    const auto site = leak.stack[leak.site];
    sum.place = fmt::format("{} ({}:{})", printable(shorten(site.function, 200)),
                            printable(shorten(base_name(site.file), 100)), site.line);
  }
  std::string out =
      "# Suppressions of leakgate. Each line wants an owner and a reason; an expiry date helps to get rid of "
      "it.\n";
  for (const auto& [fingerprint, sum] : sums) {
    std::string first = sum.tests.empty() ? "" : printable(shorten(*sum.tests.begin(), 200));
    if (sum.tests.size() > 1) first += fmt::format(" and {}", counted(sum.tests.size() - 1, "more test"));
    const Amount amount = sum.amount.total(rounds);
    out += fmt::format(
        "\n# {}, in {}\nsuppress: fingerprint={} max-bytes={} max-blocks={} owner=\"\" reason={}\n",
        sum.place.empty() ? "unknown place" : sum.place, first, fingerprint, amount.bytes, amount.blocks,
        quoted("found by leakgate " + verdict.tool_version));
  }
  return out;
}

}  // namespace leakgate::judge
