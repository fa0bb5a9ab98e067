// SPDX-License-Identifier: Apache-2.0
// One file per module: a header, then the rows as they are in memory. The page index is made anew when
// loading, which checks every row on the way. Files are this machine's own: no byte order or version is
// translated, only compared.
#include "harness/capture/unwind/unwind_cache.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "harness/base/hash64.h"

namespace leakgate::capture {
namespace {

constexpr std::uint64_t kMagic =
    0x31'57'4e'55'47'4c'00'0aU;  // newline, NUL, "LGUNW1": no text tool writes that
/// Raised whenever the format of the file or the meaning of a row changes.
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kMaxBuildIdBytes = 64;

struct FileHeader {
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t build_id_bytes = 0;
  std::uint8_t build_id[kMaxBuildIdBytes] = {};
  std::uint64_t content_hash = 0;
  std::uint64_t base = 0;
  std::uint64_t row_count = 0;
  std::uint64_t checksum = 0;  ///< of the header with this field 0, then of the rows
};
static_assert(sizeof(FileHeader) == 112);

std::string hex_name(const UnwindIdentity& identity) {
  std::string name;
  for (const std::uint8_t byte : identity.build_id)
    name += fmt::format("{:02x}", byte);
  return name + ".unwind";
}

std::span<const std::uint8_t> bytes_of(std::span<const lg_row> rows) {
  return {reinterpret_cast<const std::uint8_t*>(rows.data()), rows.size_bytes()};
}

std::uint64_t checksum(FileHeader header, std::span<const lg_row> rows) {
  header.checksum = 0;
  Hash64 hash;
  hash.add_bytes({reinterpret_cast<const std::uint8_t*>(&header), sizeof header});
  hash.add_bytes(bytes_of(rows));
  return hash.value();
}

FileHeader make_header(const UnwindIdentity& identity, const UnwindTable& table) {
  FileHeader header;
  header.build_id_bytes = static_cast<std::uint32_t>(identity.build_id.size());
  std::copy(identity.build_id.begin(), identity.build_id.end(), header.build_id);
  header.content_hash = identity.content_hash;
  header.base = table.base;
  header.row_count = table.rows.size();
  return header;
}

bool has_usable_id(const UnwindIdentity& identity) {
  return !identity.build_id.empty() && identity.build_id.size() <= kMaxBuildIdBytes;
}

/// Large pages where the kernel gives them on request: touching fresh memory 4 KB at a time would take as
/// long as the reading.
void advise_large_pages(void* data, std::size_t size_bytes) {
  constexpr std::uintptr_t page_bytes = 4096;
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(data) + page_bytes - 1) & ~(page_bytes - 1);
  const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(data) + size_bytes) & ~(page_bytes - 1);
  if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

/// Reads the rows that `header` announces; false when they end early or differ from the checksum.
bool read_rows(const CachedFile& file, const FileHeader& header, std::vector<lg_row>& rows) {
  rows.reserve(header.row_count);
  advise_large_pages(rows.data(), header.row_count * sizeof(lg_row));
  rows.resize(header.row_count);
  return file.read(rows.data(), rows.size() * sizeof(lg_row)) && checksum(header, rows) == header.checksum;
}

/// Whether `header` is a whole header for `identity` of a file of `file_bytes`.
bool header_matches(const FileHeader& header, const UnwindIdentity& identity, std::uint64_t file_bytes) {
  return header.magic == kMagic && header.version == kVersion &&
         header.build_id_bytes == identity.build_id.size() &&
         std::equal(identity.build_id.begin(), identity.build_id.end(), header.build_id) &&
         header.content_hash == identity.content_hash && header.row_count <= kMaxRows &&
         file_bytes == sizeof header + header.row_count * sizeof(lg_row);
}

}  // namespace

Result<UnwindCache> UnwindCache::open(const std::string& directory) {
  auto opened = CacheDirectory::open(directory, "unwind cache");
  if (!opened) return std::move(opened).error();
  return UnwindCache(std::move(*opened));
}

std::optional<UnwindTable> UnwindCache::load(const UnwindIdentity& identity) const {
  if (!has_usable_id(identity)) return std::nullopt;
  const auto file = directory_.find(hex_name(identity));
  FileHeader header;
  if (!file || !file->read(&header, sizeof header)) return std::nullopt;
  if (!header_matches(header, identity, file->bytes)) return std::nullopt;
  UnwindTable table;
  table.base = header.base;
  if (!read_rows(*file, header, table.rows) || !index_rows(table)) return std::nullopt;
  return table;
}

Status UnwindCache::store(const UnwindIdentity& identity, const UnwindTable& table) const {
  if (!has_usable_id(identity))
    return Error{ErrorKind::usage, "cannot cache a module without a build id", {}, 0};
  FileHeader header = make_header(identity, table);
  header.checksum = checksum(header, table.rows);
  return directory_.replace(hex_name(identity),
                            {std::as_bytes(std::span(&header, 1)), std::as_bytes(std::span(table.rows))});
}

Result<UnwindTable> load_or_build_unwind_table(int fd, const UnwindCache* cache) {
  auto image = UnwindImage::open(fd);
  if (!image) return std::move(image).error();
  const bool cacheable = cache != nullptr && has_usable_id(image->identity());
  if (cacheable) {
    if (auto table = cache->load(image->identity()); table && table->base == image->base())
      return std::move(*table);
  }
  auto table = build_unwind_table(*image);
  if (table && cacheable) (void)cache->store(image->identity(), *table);
  return table;
}

}  // namespace leakgate::capture
