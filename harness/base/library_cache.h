// SPDX-License-Identifier: Apache-2.0
// LibraryCache: the dynamic linker's cache file (/etc/ld.so.cache, format "glibc-ld.so.cache1.1"), read with
// every bound checked. In: a path. Out: for a library name, the paths the cache has for x86-64. Private to
// library_search.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace leakgate {

class LibraryCache {
 public:
  /// A library the cache knows.
  struct Entry {
    std::string path;
    std::string hwcap;  ///< glibc-hwcaps subdirectory it needs ("x86-64-v3"); empty: any processor
  };

  /// Reads the cache at `path`. A missing, foreign or broken file gives an empty cache: there is nothing a
  /// caller could do.
  static LibraryCache read(const std::string& path);
  /// The same from bytes.
  static LibraryCache parse(std::string_view bytes);

  /// Entries for `name` in the file's order, none where it is unknown.
  [[nodiscard]] const std::vector<Entry>& find(const std::string& name) const;
  [[nodiscard]] bool empty() const { return entries_.empty(); }

 private:
  std::unordered_map<std::string, std::vector<Entry>> entries_;
};

}  // namespace leakgate
