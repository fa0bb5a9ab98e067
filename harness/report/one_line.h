// SPDX-License-Identifier: Apache-2.0
// An object of JSON as a report keeps it to write it again.
#pragma once

#include <string>

#include "harness/base/json_writer.h"

namespace leakgate::report {

/// The object that write(JsonWriter&) writes, on one line.
template <typename Write>
std::string one_line(Write write) {
  JsonWriter out(1);  // what is below its first level is on one line
  out.begin_array();
  write(out);
  const std::string text = out.take();
  return text.substr(text.find('{'));
}

}  // namespace leakgate::report
