// SPDX-License-Identifier: Apache-2.0
// Steps shared by the symbolizer's tests: where the fixtures are, where their code is, what marks their
// source has.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/recording.h"
#include "harness/symbolize/elf_file.h"
#include "harness/symbolize/symbolizer.h"

namespace leakgate::symbolize::testing {

using Chain = std::vector<model::Frame>;

/// Path of the fixture binary `name`.
[[nodiscard]] std::string fixture(std::string_view name);
/// The fixtures that have their debug information: the values of the parameterised tests.
[[nodiscard]] std::vector<std::string> full_fixtures();
/// Line of shapes.cpp with "MARK: name"; 0 if there is none.
[[nodiscard]] std::uint32_t marked_line(std::string_view name);
/// Range of the section `name`; 0, 0 if the file has none.
[[nodiscard]] AddressRange section_range(const std::string& path, std::string_view name);
/// Value of the symbol `name` in .symtab or .dynsym; 0 if there is none.
[[nodiscard]] std::uint64_t symbol_value(const std::string& path, std::string_view name);
/// Frames at every address of .text.
[[nodiscard]] std::map<std::uint64_t, Chain> resolve_text(Symbolizer& symbolizer, std::uint32_t module,
                                                          const std::string& path);
/// The first chain whose innermost frame stands on the marked line; empty if there is none.
[[nodiscard]] Chain chain_at_mark(const std::map<std::uint64_t, Chain>& text, std::string_view mark);
/// Expects the same frames at the same addresses.
void expect_same(const std::map<std::uint64_t, Chain>& found, const std::map<std::uint64_t, Chain>& expected);
/// Standard output of `command`, given `input` on standard input.
[[nodiscard]] std::string output_of(const std::string& command, const std::string& input);
/// A fresh empty folder that goes when the test binary ends its test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace leakgate::symbolize::testing
