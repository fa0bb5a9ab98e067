// SPDX-License-Identifier: Apache-2.0
#include "harness/base/page_buffer.h"

#include <sys/mman.h>

namespace leakgate {

PageBuffer::PageBuffer(std::size_t bytes) {
  if (bytes == 0) return;
  void* const pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return;
  (void)::madvise(pages, bytes, MADV_HUGEPAGE);
  bytes_ = {static_cast<char*>(pages), bytes};
}

PageBuffer::~PageBuffer() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace leakgate
