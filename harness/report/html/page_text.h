// SPDX-License-Identifier: Apache-2.0
// The three parts of the HTML report's page; their text is put into the program when it is built.
#pragma once

#include <string_view>

namespace leakgate::report {

extern const std::string_view kPageHtml;  ///< with {{STYLE}}, {{DATA}} and {{SCRIPT}} where the others go
extern const std::string_view kPageCss;
extern const std::string_view kPageJs;

}  // namespace leakgate::report
