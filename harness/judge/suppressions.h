// SPDX-License-Identifier: Apache-2.0
// Suppressions: patterns for leaks that are known and let be. Read from LeakSanitizer's lines, Valgrind's
// blocks, or lines of our own; all three become the same struct.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

/// A frame of a Valgrind suppression, innermost first.
struct FramePattern {
  enum class Of { function, object, source, any_frames };
  Of of = Of::function;
  std::string glob;  ///< empty for any_frames
};

struct Suppression {
  enum class Form { lsan, valgrind, own };
  Form form = Form::own;
  std::string text;                    ///< as written, on one line
  std::string source;                  ///< "leakgate.supp:12"
  std::string lsan_glob;               ///< lsan: for the function, file or module of any frame
  std::vector<FramePattern> frames;    ///< valgrind: the stack must begin like this
  std::set<model::Kind> kinds;         ///< empty: all
  std::string function, module, path;  ///< own: globs that one frame must match, empty ones apart
  std::string test, fingerprint;       ///< own: globs; empty: any
  std::optional<std::uint64_t> max_bytes,
      max_blocks;  ///< own: of all it matches in a run; more, and it hides none
  std::string owner, reason;
  std::string expires;  ///< "2026-12-31": the last day it holds; empty: for ever

  /// Whether it is for `leak` of the test called `test_id`; size and date are not looked at.
  [[nodiscard]] bool matches(const model::Leak& leak, std::string_view test_id) const;
  /// Whether it has expired on the day that `started` (ISO 8601) names; not where that is unknown.
  [[nodiscard]] bool expired(std::string_view started) const;
};

/// The suppressions in `text`, in any of the three forms, mixed or not: `leak:PATTERN` lines, `{...}` blocks,
/// and `suppress: name=value ...` lines; `#` begins a comment line. Blocks for other errors than leaks are
/// passed over, and so are other sanitizers' lines. Fails with ErrorKind::format, message "FILE:LINE:COLUMN:
/// ...".
Result<std::vector<Suppression>> parse_suppressions(std::string_view text, std::string_view file);

/// Lines of our own form that suppress what fails in `verdict`, each for one fingerprint, with today's sizes
/// as its limits, sorted; to be given an owner and a reason by hand.
std::string format_suppressions(const model::Verdict& verdict);

}  // namespace leakgate::judge
