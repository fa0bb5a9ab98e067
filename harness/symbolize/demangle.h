// SPDX-License-Identifier: Apache-2.0
// Names for people: demangling, and the compact form of a demangled name.
// In: linker names and DWARF names from untrusted files. Out: bounded, printable text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace leakgate::symbolize {

inline constexpr std::size_t kMaxNameBytes = 512;       ///< of a compact name
inline constexpr std::size_t kMaxFullNameBytes = 4096;  ///< of a name in full

/// A function's name in two lengths.
struct FunctionName {
  std::string compact;
  std::string full;  ///< empty where it equals `compact`
};

/// The demangled form of a linker name; the name itself where it is not mangled, is not valid, or would grow
/// beyond reason (a few hundred bytes of mangled name can describe gigabytes).
[[nodiscard]] std::string demangle(std::string_view linker_name);

/// The compact form of a demangled name: std::string for its template, default template arguments and
/// allocators dropped, no [abi:...] tags, no return type of a template function, no [clone ...] suffix. Text
/// that cannot be parsed comes back as it is.
[[nodiscard]] std::string compact_name(std::string_view demangled);

/// Both forms for a linker name (mangled or not).
[[nodiscard]] FunctionName name_from_linker(std::string_view linker_name);

/// Both forms for a name that is source text already.
[[nodiscard]] FunctionName name_from_source(std::string_view source_name);

}  // namespace leakgate::symbolize
