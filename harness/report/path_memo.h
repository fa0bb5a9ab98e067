// SPDX-License-Identifier: Apache-2.0
// What a report has made of source paths before: few files have most of the frames.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "harness/base/json_writer.h"
#include "harness/report/one_line.h"

namespace leakgate::report {

/// Objects of JSON, by path. What is made of a path must depend on the path alone.
class PathMemo {
 public:
  /// Writes to `out` the object that write(JsonWriter&) writes for `path`, on one line.
  template <typename Write>
  void write(JsonWriter& out, std::string_view path, Write write) {
    auto known = texts_.find(path);
    if (known == texts_.end()) {
      if (texts_.size() >= kMost) return write(out);
      known = texts_.emplace(std::string(path), one_line(write)).first;
    }
    out.raw(known->second);
  }

 private:
  static constexpr std::size_t kMost = 50000;

  /// Finds a string by a part of another one, without a copy.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, std::string, Hash, std::equal_to<>> texts_;
};

}  // namespace leakgate::report
