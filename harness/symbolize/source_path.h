// SPDX-License-Identifier: Apache-2.0
// SourcePaths: a source file's path as people know it, relative to the project root, from what the compiler
// wrote down. Pure text, no file is touched. In: DWARF file names, already joined with the compilation
// directory. Out: one path.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leakgate::symbolize {

/// How paths are made relative.
struct PathOptions {
  std::string source_root;  ///< absolute; empty: paths stay absolute
  std::vector<std::pair<std::string, std::string>>
      path_maps;  ///< FROM, TO; the last that matches wins, as with GCC
};

/// Parses "FROM=TO" (the last '=' separates, as GCC does it); false if there is no '=' or FROM is empty.
[[nodiscard]] bool parse_path_map(std::string_view text, std::pair<std::string, std::string>& map);

/// "a/./b//../c" -> "a/c"; leading ".." of a relative path stay; the empty path stays empty.
[[nodiscard]] std::string normalize_path(std::string_view path);

/// Applies PathOptions to one path after the other.
class SourcePaths {
 public:
  explicit SourcePaths(PathOptions options);

  /// The path to show for `path`: mapped, freed of /proc/self/cwd, normalised, relative to the source root.
  [[nodiscard]] std::string display(std::string_view path) const;

 private:
  PathOptions options_;
};

}  // namespace leakgate::symbolize
