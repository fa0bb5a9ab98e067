// SPDX-License-Identifier: Apache-2.0
// Makes text from untrusted files fit to print and to store: bounded, valid UTF-8, no control characters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace leakgate::symbolize {

/// `text` with control characters and bytes that are no valid UTF-8 replaced by '?', cut to `max_bytes` with
/// "..." at the end where it was longer. Terminal escapes in a symbol name must not reach a terminal, nor bad
/// UTF-8 the JSON.
[[nodiscard]] std::string printable_text(std::string_view text, std::size_t max_bytes);

}  // namespace leakgate::symbolize
