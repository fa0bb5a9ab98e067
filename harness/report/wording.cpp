// SPDX-License-Identifier: Apache-2.0
// Shared wording; see wording.h. Text is as recorded: each report makes it safe for its own format.
#include "harness/report/wording.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/report/failing.h"

namespace leakgate::report {

std::optional<model::VerdictFrame> site_of(const model::Leak& leak) {
  if (leak.site >= leak.stack.size()) return {};
  return leak.stack[leak.site];
}

std::string frame_name(const model::VerdictFrame& frame) {
  if (!frame.function.empty()) return std::string(frame.function);
  if (frame.module.empty()) return fmt::format("unknown function at {:#x}", frame.offset);
  return fmt::format("offset {:#x} in {}", frame.offset, base_name(frame.module));
}

std::string frame_place(const model::VerdictFrame& frame, const SourceRoot& root) {
  if (frame.file.empty()) return std::string(base_name(frame.module));
  std::string place = root.relative(frame.file);
  if (frame.line != 0) (place += ':') += fmt::format_int(frame.line).c_str();
  return place;
}

std::string amount(std::uint64_t bytes, std::uint64_t blocks) {
  return fmt::format("{} in {}", counted(bytes, "byte"), counted(blocks, "block"));
}

std::string kind_words(model::Kind kind) {
  std::string words(model::name_of(kind));
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string leak_sentence(const model::Leak& leak, const SourceRoot& root) {
  std::string text = fmt::format("{} {}", amount(leak.bytes, leak.blocks), kind_words(leak.kind));
  if (!leak.function.empty()) text += ", allocated by " + leak.function;
  if (const auto site = site_of(leak)) {
    if (const auto place = frame_place(*site, root); !place.empty())
      text += (leak.function.empty() ? ", at " : " at ") + place;
    if (!site->function.empty()) (text += " in ") += site->function;
  }
  if (!leak.section.empty()) text += fmt::format(", section \"{}\"", leak.section);
  return text;
}

namespace {

std::string span_words(const model::ForecastSpan& span) {
  const auto number = [](double value) {
    return value < 1000 ? fmt::format("{:.3g}", value) : fmt::format("{:.0f}", value);
  };
  if (span.high && number(*span.high) == number(span.low)) return number(span.expected);
  if (!span.high) return fmt::format("{} ({} or more)", number(span.expected), number(span.low));
  return fmt::format("{} ({} to {})", number(span.expected), number(span.low), number(*span.high));
}

/// "; at this rate 1048576 bytes are reached after 12.5 (11.0 to 14.5) more rounds, ..."
std::string forecast_words(const model::LeakGrowth& growth) {
  if (!growth.forecast) return {};
  const auto& forecast = *growth.forecast;
  if (forecast.held_bytes >= forecast.limit_bytes)
    return fmt::format("; the limit of {} is reached", counted(forecast.limit_bytes, "byte"));
  return fmt::format("; by it alone {} are reached after {} more rounds, {} s of this test",
                     counted(forecast.limit_bytes, "byte"), span_words(forecast.rounds),
                     span_words(forecast.seconds));
}

}  // namespace

std::string age_sentence(const model::Leak& leak) {
  const auto& ages = leak.age_log2_ms;
  if (std::count(ages.begin(), ages.end(), 0u) + 1 >= std::ssize(ages)) return {};
  std::string text;
  for (std::size_t i = 0; i < ages.size(); ++i) {
    if (ages[i] == 0) continue;
    const double under_ms = std::ldexp(1.0, static_cast<int>(i));
    const std::string age =
        under_ms < 1000 ? fmt::format("{:.0f} ms", under_ms) : fmt::format("{:.3g} s", under_ms / 1e3);
    text += fmt::format("{}{} under {}", text.empty() ? "ages: " : ", ", ages[i], age);
  }
  return text;
}

std::string growth_sentence(const model::Leak& leak) {
  if (leak.growth == nullptr || leak.growth->pattern < model::GrowthPattern::linear) return {};
  const auto& growth = *leak.growth;
  return fmt::format("{} growth: {} of {} rounds added to it, {} a round{}", model::name_of(growth.pattern),
                     growth.rounds_adding, growth.rounds, counted(growth.slope_bytes, "byte"),
                     forecast_words(growth));
}

std::string recurrence_sentence(const model::Leak& leak) {
  if (leak.recurrence.runs < 2) return {};
  if (leak.recurrence.flaky())
    return fmt::format("seen in {} of {} runs: flaky", leak.recurrence.seen, leak.recurrence.runs);
  return fmt::format("seen in all {} runs", leak.recurrence.runs);
}

std::string freed_sentence(const model::Leak& leak, const SourceRoot& root) {
  if (leak.freed_site >= leak.freed_by.size()) return {};
  const model::VerdictFrame frame = leak.freed_by[leak.freed_site];
  std::string text = "other blocks from here are freed";
  if (const auto place = frame_place(frame, root); !place.empty()) text += " at " + place;
  if (!frame.function.empty()) (text += " in ") += frame.function;
  return text;
}

std::string_view pattern_words(model::LeakPattern pattern) {
  switch (pattern) {
    case model::LeakPattern::error_path:
      return "error path: an exception was thrown, or an assertion failed, while it was held";
    case model::LeakPattern::resource:
      return "resource: more than memory is lost";
    case model::LeakPattern::loop:
      return "loop: one call path left several blocks";
    case model::LeakPattern::one_shot:
      return "one shot: a single block";
    case model::LeakPattern::none:
      break;
  }
  return {};
}

std::vector<std::string> insights(const model::Leak& leak, const SourceRoot& root) {
  std::vector<std::string> lines;
  for (std::string line : {growth_sentence(leak), recurrence_sentence(leak), freed_sentence(leak, root)})
    if (!line.empty()) lines.push_back(std::move(line));
  if (leak.pattern == model::LeakPattern::error_path) lines.emplace_back(pattern_words(leak.pattern));
  return lines;
}

std::string run_sentence(const model::Verdict& verdict) {
  const auto& summary = verdict.summary;
  const bool one = summary.tests == 1;
  std::string text = fmt::format("{}: ", model::name_of(summary.verdict));
  if (summary.verdict == model::RunVerdict::incomplete) {
    const auto& reasons = verdict.run.incomplete_reasons;
    if (!reasons.empty())
      text += reasons.front().message.empty() ? reasons.front().cause : reasons.front().message;
    if (reasons.size() > 1) text += fmt::format(" (and {})", counted(reasons.size() - 1, "more reason"));
    text += "; ";
  }
  if (summary.leaking > 0)
    return text + fmt::format("{} of {} {}, {}", summary.leaking, counted(summary.tests, "test"),
                              one ? "leaks" : "leak", amount(summary.leaked_bytes, summary.leaked_blocks));
  const auto tolerated = std::count_if(verdict.tests.begin(), verdict.tests.end(), [](const auto& test) {
    return test.verdict == model::TestVerdict::allowed;
  });
  text += fmt::format("{}, no leaks", counted(summary.tests, "test"));
  if (tolerated > 0) text += fmt::format(" that fail ({} with allowed ones)", tolerated);
  const auto failures = failures_beside_leaks(verdict);
  if (failures.empty()) return text;
  text += "; " + failures.front();
  return failures.size() == 1 ? text
                              : text + fmt::format(" (and {})", counted(failures.size() - 1, "more failure"));
}

const model::Process* process_of(const model::Verdict& verdict, const model::Test& test) {
  return test.process < verdict.processes.size() ? &verdict.processes[test.process] : nullptr;
}

std::string program_name(const model::Verdict& verdict, const model::Test& test) {
  const auto* process = process_of(verdict, test);
  return process == nullptr || process->exe.empty() ? "unknown" : std::string(base_name(process->exe));
}

}  // namespace leakgate::report
