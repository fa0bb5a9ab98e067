// SPDX-License-Identifier: Apache-2.0
// Standard output and standard error: the only place that prints. Nothing here throws: what cannot be printed
// must not keep leakgate from ending as it should.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string_view>
#include <utility>

#include "harness/base/result.h"

namespace leakgate::cli {

/// Opens what is closed of the descriptors 0 to 2 on nothing, close-on-exec, so that no file of leakgate's
/// gets their numbers. Standard output cannot be written then: a report for it is not to get lost in silence.
/// To be called once CallerState has been captured.
void occupy_standard_descriptors();

/// Makes what is longer than the limit on file sizes, and what nobody reads any more, a failure as on a full
/// disk, not leakgate's end. Likewise to be called after CallerState: the target has the caller's
/// disposition.
void survive_failing_writes();

/// Writes `text` to standard output or standard error as far as that can be done.
void put(std::FILE* stream, std::string_view text);

template <typename... Arguments>
void print(std::FILE* stream, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  put(stream, fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// Says `error` on standard error, with its hint.
void say(const Error& error);

/// `status`, but 125 in place of 0 where something for standard output got lost, which is said.
int with_output_written(int status);

}  // namespace leakgate::cli
