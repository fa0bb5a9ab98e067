// SPDX-License-Identifier: Apache-2.0
// UnwindCache: tables kept on disk by build id. In: a directory and a module's identity. Out: its table, or
// nothing. The directory and its files must be ours alone to write; whatever is wrong with a file, it is
// ignored and rebuilt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "harness/base/cache_directory.h"
#include "harness/base/result.h"
#include "harness/capture/unwind/unwind_table.h"

namespace leakgate::capture {

class UnwindCache {
 public:
  /// As CacheDirectory::open().
  static Result<UnwindCache> open(const std::string& directory);

  /// The stored table for `identity`; nothing when there is none, or it is not exactly what store() wrote.
  [[nodiscard]] std::optional<UnwindTable> load(const UnwindIdentity& identity) const;

  /// Stores `table` (mode 0600), replacing an older file in one step. Fails (usage) without a build id, (io)
  /// when writing fails; the cache is then as it was.
  Status store(const UnwindIdentity& identity, const UnwindTable& table) const;

 private:
  explicit UnwindCache(CacheDirectory directory) : directory_(std::move(directory)) {}

  CacheDirectory directory_;
};

/// The table of the ELF file behind `fd`: from `cache` when it has it, else built, and stored when the file
/// has a build id. `cache` may be nullptr. Fails as build_unwind_table does; a cache that cannot be written
/// is no failure.
Result<UnwindTable> load_or_build_unwind_table(int fd, const UnwindCache* cache);

}  // namespace leakgate::capture
