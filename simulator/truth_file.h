// SPDX-License-Identifier: Apache-2.0
// The truth of a run as a document: schema leakgate-truth/1, read and written. In: a TruthLog or JSON text.
// Out: a Truth.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "simulator/truth_log.h"

namespace leakgate::simulator {

/// Leaks of one kind, site, test and process.
struct TruthLeak {
  std::string kind;
  bool cycle = false;            ///< member of a cycle: definitely and indirectly lost are equally right
  std::string when = "in_test";  ///< in_test, late or never: when the last pointer went
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::string function;
  std::string file;
  std::uint32_t line = 0;
  std::optional<std::string> test;  ///< nothing: the run had no tests, or a child made the leak
  bool child = false;
};

struct Truth {
  std::string scenario;  ///< "*" for a test binary, which runs many
  std::string twin;      ///< "leaking", "clean" or "both"
  std::uint64_t seed = 0;
  std::vector<TruthLeak> leaks;

  [[nodiscard]] std::uint64_t total_blocks() const;
  [[nodiscard]] std::uint64_t total_bytes() const;
};

/// The log's entries in the order they were made. Fails when the log overflowed: half a truth is none.
Result<Truth> truth_from_log(const TruthLog& log, std::string_view scenario, std::string_view twin,
                             std::uint64_t seed);

/// JSON text, schema leakgate-truth/1, ending in a line feed.
std::string truth_to_json(const Truth& truth);

/// Reads JSON text. Fails on anything but a whole leakgate-truth/1 document whose total agrees with its
/// leaks.
Result<Truth> parse_truth(std::string_view json);

/// Writes `text` to `path` whole, or leaves what was there; "-" is standard output.
Status write_text(const std::string& path, std::string_view text);

/// Whether write_text(path, ...) can work, as far as that can be told beforehand; leaves nothing behind.
Status check_text(const std::string& path);

/// The whole of a regular file. Fails when it cannot be read or has more than 256 MiB.
Result<std::string> read_text(const std::string& path);

}  // namespace leakgate::simulator
