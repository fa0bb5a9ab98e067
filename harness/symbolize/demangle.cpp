// SPDX-License-Identifier: Apache-2.0
// Demangling with a bound on what a hostile name may cost; the compact form is in compact_name.cpp.
#include "harness/symbolize/demangle.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "harness/symbolize/text.h"

namespace leakgate::symbolize {
namespace {

constexpr std::size_t kMaxMangledBytes = 8192;
constexpr std::uint64_t kMaxEstimate = std::uint64_t{1} << 26U;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

/// An upper estimate of the demangled length, in bytes, capped at kMaxEstimate.
/// Substitutions (S1_) and template parameters (T_) repeat earlier parts, and repeats of repeats double the
/// text: 300 bytes can mean 2^40. Instead of numbering the parts each reference is taken to repeat the
/// largest one so far.
std::uint64_t estimate_length(std::string_view mangled) {
  std::vector<std::uint64_t> open{0};
  std::uint64_t largest = 32;
  for (std::size_t i = 0; i < mangled.size();) {
    const char c = mangled[i];
    if (is_digit(c)) {
      std::size_t length = 0;
      while (i < mangled.size() && is_digit(mangled[i]) && length < kMaxMangledBytes) {
        length = length * 10 + static_cast<std::size_t>(mangled[i++] - '0');
      }
      length = std::min(length, mangled.size() - i);
      i += length;
      open.back() += length + 2;
      largest = std::max<std::uint64_t>(largest, open.back());
      continue;
    }
    ++i;
    if (c == 'S' || c == 'T') {
      std::size_t j = i;
      while (j < mangled.size() && (is_digit(mangled[j]) || is_upper(mangled[j])))
        ++j;
      if (j < mangled.size() && mangled[j] == '_') {
        i = j + 1;
        open.back() += largest;
        if (open.back() > kMaxEstimate) return kMaxEstimate;
        continue;
      }
    }
    open.back() += 12;  // the longest text one letter of the mangling stands for
    if (c == 'I' || c == 'N' || c == 'F' || c == 'J' || c == 'X' || c == 'Z') open.push_back(0);
    if (c == 'E' && open.size() > 1) {
      const std::uint64_t inner = open.back();
      open.pop_back();
      open.back() += inner;
      largest = std::max(largest, open.back());
    }
    if (open.back() > kMaxEstimate) return kMaxEstimate;
  }
  std::uint64_t total = 0;
  for (const std::uint64_t part : open)
    total += part;
  return std::min(total, kMaxEstimate);
}

}  // namespace

std::string demangle(std::string_view linker_name) {
  // In an unstripped library's .symtab a versioned name is spelled memcpy@@GLIBC_2.14.
  if (const auto at = linker_name.find('@'); at != std::string_view::npos && at > 0) {
    linker_name = linker_name.substr(0, at);
  }
  std::string name(linker_name);
  // GCC's global constructors ("_GLOBAL__sub_I_...") are understood by the demangler as well.
  const bool mangled = name.starts_with("_Z") || name.starts_with("_GLOBAL_");
  if (!mangled || name.size() > kMaxMangledBytes || estimate_length(linker_name) >= kMaxEstimate) return name;
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
  if (status != 0 || !text) return name;
  return text.get();
}

FunctionName name_from_source(std::string_view source_name) {
  FunctionName name;
  // Folding happens before cutting: the interesting part of a long template name is often its end.
  name.compact =
      source_name.size() > std::size_t{64} * 1024 ? std::string(source_name) : compact_name(source_name);
  name.compact = printable_text(name.compact, kMaxNameBytes);
  name.full = printable_text(source_name, kMaxFullNameBytes);
  if (name.full == name.compact) name.full.clear();
  return name;
}

FunctionName name_from_linker(std::string_view linker_name) {
  return name_from_source(demangle(linker_name));
}

}  // namespace leakgate::symbolize
