// SPDX-License-Identifier: Apache-2.0
// See xml_printer.h. What tinyxml2 prints by format is short: names and indentation.
#include "harness/report/xml_printer.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace leakgate::report {

void StringPrinter::Print(const char* format, ...) {
  char buffer[64];
  va_list arguments;
  va_start(arguments, format);
  const int size = std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  if (size > 0) text.append(buffer, std::min(static_cast<std::size_t>(size), sizeof buffer - 1));
}

}  // namespace leakgate::report
