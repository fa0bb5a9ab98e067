// SPDX-License-Identifier: Apache-2.0
// JSON of stack frames, each written once: 100,000 leaks share most of theirs. A frame of a verdict is known
// by where its function's name stands in the verdict's table.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "harness/base/json_writer.h"
#include "harness/model/verdict.h"

namespace leakgate::report {

class FrameCache {
 public:
  /// Writes `frame` to `out` as the object that write(JsonWriter&) makes of it.
  template <typename Write>
  void write(JsonWriter& out, const model::VerdictFrame& frame, Write write) {
    if (frame.function.data() == nullptr) return write(out);
    const auto known = objects_.find(frame.function.data());
    if (known != objects_.end()) return out.raw(known->second);
    if (objects_.size() >= kMost) return write(out);
    JsonWriter one(1);  // what is below its first level is on one line
    one.begin_array();
    write(one);
    const std::string text = one.take();
    out.raw(objects_.emplace(frame.function.data(), text.substr(text.find('{'))).first->second);
  }

 private:
  static constexpr std::size_t kMost = 50000;
  std::unordered_map<const char*, std::string> objects_;
};

}  // namespace leakgate::report
