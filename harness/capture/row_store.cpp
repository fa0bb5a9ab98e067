// SPDX-License-Identifier: Apache-2.0
// Chunks are filled from the front; nothing is ever taken out during a run.
#include "harness/capture/row_store.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace leakgate::capture {

Result<RowStore> RowStore::open(int first, int chunks, int modules) {
  RowStore store;
  auto array = MappedArray::open(first, sizeof(lg_row), LG_ROWS_FIRST);
  if (!array) return std::move(array).error();
  store.chunks_.push_back(std::move(*array));
  store.outer_ = chunks;
  store.modules_ = modules;
  return store;
}

Status RowStore::add(std::uint32_t module, lg_module_info info, std::span<const lg_row> rows,
                     std::span<const std::uint32_t> pages) {
  if (rows.empty() || pages.size() < 2) return {};
  const std::size_t needed = rows.size() + pages.size() - 1;
  if (used_ + needed > chunks_.back().values<lg_row>().size()) {
    const auto number = static_cast<std::uint32_t>(chunks_.size());
    if (number >= LG_ROW_CHUNKS)
      return Error{ErrorKind::unsupported, "more unwinding rows than can be stored", "", 0};
    const auto entries = static_cast<std::uint32_t>(std::max<std::size_t>(LG_ROWS_FIRST, needed));
    auto array = MappedArray::create({"lg_rows", sizeof(lg_row), entries, true});
    if (!array) return std::move(array).error().with_context("cannot store unwinding rows");
    const int fd = array->descriptor();
    if (const int error = bpf_map_update_elem(outer_, &number, &fd, BPF_ANY))
      return map_error("cannot store unwinding rows", error);
    chunks_.push_back(std::move(*array));
    used_ = 0;
  }
  const auto values = chunks_.back().values<lg_row>().subspan(used_);
  std::copy(rows.begin(), rows.end(), values.begin());
  for (std::size_t page = 0; page + 1 < pages.size(); ++page)
    values[rows.size() + page] = std::bit_cast<lg_row>(lg_row_range{pages[page], pages[page + 1]});
  info.chunk = static_cast<std::uint32_t>(chunks_.size() - 1);
  info.first_row = used_;
  info.first_page = used_ + static_cast<std::uint32_t>(rows.size());
  used_ += static_cast<std::uint32_t>(needed);
  if (const int error = bpf_map_update_elem(modules_, &module, &info, BPF_ANY))
    return map_error("cannot store a module", error);
  return {};
}

}  // namespace leakgate::capture
