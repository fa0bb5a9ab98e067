// SPDX-License-Identifier: Apache-2.0
// Numbers with units, and the loop that keeps to them. See pace.h.
#include "simulator/pace.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <ctime>
#include <string>

namespace leakgate::simulator {
namespace {

constexpr double kDefaultRate = 10;
constexpr std::chrono::milliseconds kDefaultDuration{60'000};

volatile std::sig_atomic_t stopped = 0;

struct Number {
  double value = 0;
  std::string_view unit;
};

Result<Number> split(std::string_view what, std::string_view text, std::string_view example) {
  Number number;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number.value);
  if (parsed.ec != std::errc() || !(number.value > 0) || number.value > 1e15)
    return Error{ErrorKind::usage, std::string(what) + " wants a number, not '" + std::string(text) + "'",
                 "as in " + std::string(example), 0};
  number.unit = text.substr(static_cast<std::size_t>(parsed.ptr - text.data()));
  return number;
}

Error bad_unit(std::string_view what, std::string_view unit, std::string_view example) {
  return Error{ErrorKind::usage, std::string(what) + ": '" + std::string(unit) + "' is no unit",
               "as in " + std::string(example), 0};
}

void sleep_until(std::chrono::steady_clock::time_point when) {
  const auto left = when - std::chrono::steady_clock::now();
  if (left.count() <= 0) return;
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
  const timespec time{static_cast<std::time_t>(ns / 1'000'000'000), ns % 1'000'000'000};
  nanosleep(&time, nullptr);  // a signal ends it early, which is what it is for
}

}  // namespace

Result<double> parse_rate(std::string_view text) {
  constexpr std::string_view kExample = "--rate 10/s";
  const auto number = split("--rate", text, kExample);
  if (!number) return number.error();
  if (number->unit.empty() || number->unit == "/s") return number->value;
  if (number->unit == "/m") return number->value / 60;
  if (number->unit == "/h") return number->value / 3600;
  return bad_unit("--rate", number->unit, kExample);
}

Result<double> parse_growth(std::string_view text) {
  constexpr std::string_view kExample = "--growth 1MB/s";
  const auto number = split("--growth", text, kExample);
  if (!number) return number.error();
  std::string_view unit = number->unit;
  if (unit.ends_with("/s")) unit.remove_suffix(2);
  if (unit.ends_with('B')) unit.remove_suffix(1);
  double base = 1000;
  if (unit.ends_with('i')) {
    base = 1024;
    unit.remove_suffix(1);
  }
  if (unit.empty() && base == 1000) return number->value;
  if (unit == "K" || unit == "k") return number->value * base;
  if (unit == "M") return number->value * base * base;
  if (unit == "G") return number->value * base * base * base;
  return bad_unit("--growth", number->unit, kExample);
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr std::string_view kExample = "--duration 30s";
  const auto number = split("--duration", text, kExample);
  if (!number) return number.error();
  const double seconds = number->unit.empty() || number->unit == "s" ? 1
                         : number->unit == "ms"                      ? 0.001
                         : number->unit == "m"                       ? 60
                         : number->unit == "h"                       ? 3600
                                                                     : 0;
  if (seconds == 0) return bad_unit("--duration", number->unit, kExample);
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(number->value * seconds, 1e9) * 1000));
}

Parameters paced_parameters(const Scenario& scenario, const Parameters& asked, const Pace& pace) {
  Parameters used = asked;
  const bool spans_rounds = std::string_view(scenario.family) == "growth";
  if (pace.is_set() && used.count == 0 && !spans_rounds) used.count = 1;
  if (pace.bytes_per_s > 0 && used.size == 0 && pace.rounds_per_s > 0)
    used.size = static_cast<std::uint32_t>(std::clamp(pace.bytes_per_s / pace.rounds_per_s, 1.0, 67108864.0));
  return effective(scenario, used);
}

void execute_paced(const Scenario& scenario, Run& run, const Pace& pace) {
  if (!pace.is_set()) {
    execute(scenario, run);
    return;
  }
  struct sigaction stop {};
  stop.sa_handler = [](int) { stopped = 1; };
  sigaction(SIGINT, &stop, nullptr);
  sigaction(SIGTERM, &stop, nullptr);
  const double rate = pace.rounds_per_s > 0  ? pace.rounds_per_s
                      : pace.bytes_per_s > 0 ? pace.bytes_per_s / run.size()
                                             : kDefaultRate;
  const auto step = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(run.count() / rate));
  const auto started = std::chrono::steady_clock::now();
  const auto end = started + (pace.duration.count() > 0 ? pace.duration : kDefaultDuration);
  for (auto next = started; stopped == 0 && next < end; next += step) {
    sleep_until(next);
    if (stopped != 0) break;
    execute(scenario, run);
    run.advance();
  }
  sleep_until(stopped == 0 ? end : started);
}

}  // namespace leakgate::simulator
