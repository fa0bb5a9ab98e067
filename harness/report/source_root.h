// SPDX-License-Identifier: Apache-2.0
// SourceRoot: absolute source paths made relative to the project, as CI services and people want them. No
// file is looked at.
#pragma once

#include <string>
#include <string_view>

#include "harness/model/verdict.h"

namespace leakgate::report {

class SourceRoot {
 public:
  /// The root of `verdict`'s run: the one that was given; else its working directory, or where most tests lie
  /// beside that (a build folder in or next to the sources), the folder both are in. Where no test says where
  /// it is, leaks do.
  explicit SourceRoot(const model::Verdict& verdict);

  /// `file` relative to the root, with forward slashes and without "." and ".."; absolute if it lies
  /// elsewhere. One that is relative already counts from the given root, else from the working directory.
  [[nodiscard]] std::string relative(std::string_view file) const;

  /// Likewise of a test's file. One that is relative counts from where it was compiled, and stays.
  [[nodiscard]] std::string relative_of_test(std::string_view file) const;

  /// Whether `file` belongs to the project: relative, or below the root.
  [[nodiscard]] bool contains(std::string_view file) const;

  /// Absolute, without a slash at its end; empty if unknown.
  [[nodiscard]] const std::string& path() const { return root_; }

 private:
  void widen_to_most(const model::Verdict& verdict);

  std::string root_;
  std::string
      run_folder_;  ///< of the working directory below the root, with a slash at its end; empty: the same
};

/// `path` as part of a URI: percent-encoded but for unreserved characters and slashes.
std::string uri_path(std::string_view path);

}  // namespace leakgate::report
