// SPDX-License-Identifier: Apache-2.0
// RowStore: puts modules' unwinding rows where the kernel side finds them. In: rows and page indices. Out: an
// entry in the kernel's table of modules. Rows of many modules share a chunk, because a new chunk takes the
// kernel a grace period, and a process waits meanwhile.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bpf/wire.h"
#include "harness/base/result.h"
#include "harness/capture/mapped_array.h"

namespace leakgate::capture {

class RowStore {
 public:
  /// The maps stay the caller's: the first chunk, the outer map of the others, the table of modules.
  static Result<RowStore> open(int first, int chunks, int modules);

  /// Stores the rows of module number `module`; `info` says all but where they are. `pages` as UnwindTable
  /// has them, one more than there are pages.
  Status add(std::uint32_t module, lg_module_info info, std::span<const lg_row> rows,
             std::span<const std::uint32_t> pages);

 private:
  RowStore() = default;
  std::vector<MappedArray> chunks_;
  std::uint32_t used_ = 0;  ///< entries of the newest chunk
  int outer_ = -1;
  int modules_ = -1;
};

}  // namespace leakgate::capture
