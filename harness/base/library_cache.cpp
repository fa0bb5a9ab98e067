// SPDX-License-Identifier: Apache-2.0
// Parses the dynamic linker's cache. Layout: header (48 bytes), entries (24 bytes each), strings; offsets
// count from the header. Since glibc 2.33 an extension directory names the glibc-hwcaps subdirectories
// entries refer to.
#include "harness/base/library_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "harness/base/elf_file.h"

namespace leakgate {
namespace {

constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
constexpr std::string_view kOldMagic = "ld.so-1.7.0";
constexpr std::size_t kMaxCacheBytes = 64u << 20;
constexpr std::size_t kMaxPathBytes = 4096;
constexpr std::size_t kHeaderBytes = 48;
constexpr std::size_t kEntryBytes = 24;
constexpr std::size_t kOldHeaderBytes = 16;
constexpr std::size_t kOldEntryBytes = 12;
constexpr std::uint32_t kX8664Libc6 = 0x0303;
constexpr std::uint64_t kHwcapExtension = 1ull << 62;
constexpr std::uint32_t kExtensionMagic = 0xeaa42174;
constexpr std::uint32_t kHwcapsSection = 1;
constexpr std::uint32_t kMaxSections = 64;
constexpr std::uint32_t kMaxHwcaps = 256;

template <typename Number>
std::optional<Number> number_at(std::string_view bytes, std::uint64_t at) {
  if (at > bytes.size() || bytes.size() - at < sizeof(Number)) return std::nullopt;
  Number value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string text_at(std::string_view bytes, std::uint64_t at) {
  if (at >= bytes.size()) return {};
  const std::string_view rest = bytes.substr(at, kMaxPathBytes);
  const std::size_t end = rest.find('\0');
  return end == rest.npos ? std::string() : std::string(rest.substr(0, end));
}

/// Names of the glibc-hwcaps subdirectories, by the index entries use.
std::vector<std::string> hwcaps_of(std::string_view cache) {
  std::vector<std::string> names;
  const auto directory = number_at<std::uint32_t>(cache, 32);
  if (!directory || *directory == 0 || number_at<std::uint32_t>(cache, *directory) != kExtensionMagic)
    return names;
  const std::uint32_t count = number_at<std::uint32_t>(cache, *directory + 4ull).value_or(0);
  for (std::uint32_t i = 0; i < count && i < kMaxSections; ++i) {
    const std::uint64_t section = *directory + 8ull + 16ull * i;
    if (number_at<std::uint32_t>(cache, section) != kHwcapsSection) continue;
    const std::uint64_t at = number_at<std::uint32_t>(cache, section + 8).value_or(0);
    const std::uint32_t bytes = number_at<std::uint32_t>(cache, section + 12).value_or(0);
    for (std::uint32_t k = 0; k < bytes / 4 && k < kMaxHwcaps; ++k) {
      const auto name = number_at<std::uint32_t>(cache, at + 4ull * k);
      names.push_back(name ? text_at(cache, *name) : std::string());
    }
  }
  return names;
}

/// The new-format part: the whole file, or what follows an old-format part.
std::string_view new_format(std::string_view bytes) {
  if (bytes.starts_with(kMagic)) return bytes;
  if (!bytes.starts_with(kOldMagic)) return {};
  const std::uint64_t count = number_at<std::uint32_t>(bytes, 12).value_or(0);
  const std::uint64_t end = (kOldHeaderBytes + count * kOldEntryBytes + 7) / 8 * 8;
  if (end > bytes.size() || !bytes.substr(end).starts_with(kMagic)) return {};
  return bytes.substr(end);
}

}  // namespace

LibraryCache LibraryCache::parse(std::string_view bytes) {
  LibraryCache made;
  const std::string_view cache = new_format(bytes);
  if (cache.size() < kHeaderBytes) return made;
  const std::uint64_t count = number_at<std::uint32_t>(cache, 20).value_or(0);
  const std::vector<std::string> hwcaps = hwcaps_of(cache);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t at = kHeaderBytes + i * kEntryBytes;
    if (at + kEntryBytes > cache.size()) break;
    if (number_at<std::uint32_t>(cache, at) != kX8664Libc6) continue;
    std::string name = text_at(cache, *number_at<std::uint32_t>(cache, at + 4));
    Entry entry{text_at(cache, *number_at<std::uint32_t>(cache, at + 8)), {}};
    const std::uint64_t hwcap = *number_at<std::uint64_t>(cache, at + 16);
    if ((hwcap & kHwcapExtension) != 0) {
      const std::uint64_t index = hwcap & 0xffffffffu;
      if (index >= hwcaps.size() || hwcaps[index].empty()) continue;
      entry.hwcap = hwcaps[index];
    } else if (hwcap != 0) {
      continue;  // the platform directories glibc 2.37 dropped
    }
    if (!name.empty() && entry.path.starts_with('/'))
      made.entries_[std::move(name)].push_back(std::move(entry));
  }
  return made;
}

LibraryCache LibraryCache::read(const std::string& path) {
  auto fd = open_regular_file(path);
  if (!fd) return {};
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0 || info.st_size <= 0) return {};
  if (static_cast<std::uint64_t>(info.st_size) > kMaxCacheBytes) return {};
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        ::pread(fd->get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (got <= 0) return {};
    done += static_cast<std::size_t>(got);
  }
  return parse(bytes);
}

const std::vector<LibraryCache::Entry>& LibraryCache::find(const std::string& name) const {
  static const std::vector<Entry> kNothing;
  const auto found = entries_.find(name);
  return found == entries_.end() ? kNothing : found->second;
}

}  // namespace leakgate
