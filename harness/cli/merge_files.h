// SPDX-License-Identifier: Apache-2.0
// The files of --merge-junit around a run. The command writes them at its end, if it gets there: one that
// crashes leaves none, or the one that an earlier run wrote.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/report/junit_inputs.h"

namespace leakgate::cli {

/// What a run left for merging.
struct MergedFiles {
  report::JunitInputs inputs;
  std::vector<Error> left_out;  ///< why others are not merged: not_found if this run did not write them

  /// Whether one is left out that this run wrote.
  [[nodiscard]] bool any_unreadable() const;
};

class MergeFiles {
 public:
  /// Looks at `paths` as they are before the command runs.
  explicit MergeFiles(std::vector<std::string> paths);
  /// Those that were written since.
  [[nodiscard]] MergedFiles read() const;

 private:
  /// What changes when a file is written, whatever clock its file system goes by.
  struct Version {
    std::uint64_t device = 0, inode = 0, bytes = 0;
    std::int64_t written_s = 0, written_ns = 0, changed_s = 0, changed_ns = 0;
    bool operator==(const Version&) const = default;
  };
  static std::optional<Version> version_of(const std::string& path);

  std::vector<std::string> paths_;
  std::vector<std::optional<Version>> before_;
};

}  // namespace leakgate::cli
