// SPDX-License-Identifier: Apache-2.0
// process_vm_readv reads across several mappings in one call; an entry of pagemap is 8 bytes for a page of
// 4 KiB.
#include "harness/capture/hold/held_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "harness/base/descriptor.h"

namespace leakgate::capture {
namespace {

constexpr std::uint64_t kPage = 4096;
// bits of a pagemap entry (Documentation/admin-guide/mm/pagemap.rst)
constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
constexpr std::uint64_t kSwapped = std::uint64_t{1} << 62;
constexpr std::uint64_t kFileOrShared = std::uint64_t{1} << 61;

bool has_content(std::uint64_t entry, bool shared) {
  if ((entry & (kPresent | kSwapped)) == 0) return false;
  return shared ||
         (entry & kFileOrShared) == 0;  // a private page of a file that was never written is the file's
}

/// Code is no root.
bool is_code(const model::HeldMapping& mapping) {
  return mapping.kind == model::MappingKind::file && mapping.executable && !mapping.writable;
}

/// Entries of rising addresses. The modules' parts stand side by side: those of the next one are read along.
class PagemapReader {
 public:
  explicit PagemapReader(int file) : file_(file), entries_(kMost) {}

  /// Nothing: the kernel tells no more.
  std::optional<std::uint64_t> of(std::uint64_t address, std::uint64_t end) {
    const std::uint64_t page = address / kPage;
    if (page < first_ || page - first_ >= count_) {
      const std::size_t wanted = std::clamp<std::uint64_t>((end - address) / kPage, kFewest, kMost);
      const ssize_t got =
          ::pread(file_, entries_.data(), wanted * sizeof entries_[0], static_cast<off_t>(page * 8));
      first_ = page;
      count_ = got > 0 ? static_cast<std::size_t>(got) / sizeof entries_[0] : 0;
      if (count_ == 0) return std::nullopt;
    }
    return entries_[page - first_];
  }

 private:
  static constexpr std::size_t kFewest = 128, kMost = 8192;
  int file_;
  std::vector<std::uint64_t> entries_;
  std::uint64_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace

HeldMemory::HeldMemory(std::int32_t task, std::span<const model::HeldMapping> mappings) : task_(task) {
  find_touched(mappings);
}

void HeldMemory::find_touched(std::span<const model::HeldMapping> mappings) {
  const Descriptor pagemap(::open(fmt::format("/proc/{}/pagemap", task_).c_str(), O_RDONLY | O_CLOEXEC));
  if (!pagemap) {
    all_touched_ = true;
    return;
  }
  PagemapReader entries(pagemap.get());
  for (const model::HeldMapping& mapping : mappings) {
    if (!mapping.readable) continue;
    if (mapping.end - mapping.start > model::kLargestMapping)
      unknown_.emplace_back(mapping.start, mapping.end);
    if (mapping.kind == model::MappingKind::special || is_code(mapping)) continue;
    for (std::uint64_t at = mapping.start; at < mapping.end; at += kPage) {
      const auto entry = entries.of(at, mapping.end);
      if (!entry) break;
      if (!has_content(*entry, mapping.shared)) continue;
      if (!touched_.empty() && touched_.back().second == at)
        touched_.back().second += kPage;
      else
        touched_.emplace_back(at, at + kPage);
    }
  }
}

std::uint64_t HeldMemory::next_touched(std::uint64_t from, std::uint64_t end) const {
  if (all_touched_) return from;
  for (const Range& range : unknown_)
    if (from >= range.first && from < range.second) return from;
  auto range = std::upper_bound(touched_.begin(), touched_.end(), from,
                                [](std::uint64_t address, const Range& r) { return address < r.second; });
  if (range == touched_.end()) return end;
  return std::min(end, std::max(from, range->first));
}

std::size_t HeldMemory::read(std::uint64_t address, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    // the rest of the first page apart: a transfer stops at the first bad page of an element, not of a call
    iovec local{out.data() + done, out.size() - done};
    iovec remote{reinterpret_cast<void*>(address + done), out.size() - done};
    ssize_t got = ::process_vm_readv(task_, &local, 1, &remote, 1, 0);
    if (got < 0 && (errno == EPERM || errno == ENOSYS)) {
      const Descriptor mem(::open(fmt::format("/proc/{}/mem", task_).c_str(), O_RDONLY | O_CLOEXEC));
      if (mem) got = ::pread(mem.get(), local.iov_base, local.iov_len, static_cast<off_t>(address + done));
    }
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace leakgate::capture
