// SPDX-License-Identifier: Apache-2.0
// Finding the program of a command the way execvp does, and saying in words why one cannot be run. In: the
// name and PATH. Out: candidates, a path, or an Error of kind not_found (exit 127) or not_executable (exit
// 126).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace leakgate::launch {

/// The paths execvp would try, in its order: `name` alone if it has a slash; an empty PATH element is the
/// current directory; no PATH at all means /bin:/usr/bin.
std::vector<std::string> command_candidates(std::string_view name,
                                            std::optional<std::string_view> path_variable);

/// A search among candidates: index of the first that is a regular file the process may execute, or the errno
/// of the failure (EACCES if something was found that may not be executed, as execvp, and `index` is where;
/// EISDIR for a directory given by path).
struct CommandSearch {
  int code = 0;
  std::size_t index = 0;
};

/// Searches with the process's effective ids. Async-signal-safe: `candidates` are C strings.
CommandSearch search_command(const char* const* candidates, std::size_t count, bool has_slash);

/// The path of the program a command will run, as this process sees it: for planning, before the target
/// exists. The target's user may see another; Target::program() has the last word. Fails with not_found or
/// not_executable.
Result<std::string> find_command(std::string_view name, std::optional<std::string_view> path_variable);

/// Whether the file is one execvp hands to /bin/sh when the kernel does not know its format: readable, and no
/// NUL in its first line (what shells take for a sign of a binary). Async-signal-safe.
bool looks_like_shell_script(const char* path);

/// Why `name` (found at `path`; empty if it was not) cannot be run, with a hint, from the errno of search or
/// exec.
Error explain_command_failure(std::string_view name, const std::string& path, int code);

}  // namespace leakgate::launch
