// SPDX-License-Identifier: Apache-2.0
// One file per module: a header, then the rows as they are in memory. The page index is made anew when
// loading, which checks every row on the way. Files are this machine's own: no byte order or version is
// translated, only compared.
#include "harness/capture/unwind/unwind_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "harness/capture/unwind/hash64.h"

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

bool is_ours_alone(const struct stat& status) {
  return status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
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

bool read_all(int fd, void* to, std::size_t size_bytes) {
  auto* at = static_cast<std::uint8_t*>(to);
  while (size_bytes > 0) {
    const ssize_t got = ::read(fd, at, size_bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size_bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_all(int fd, const void* from, std::size_t size_bytes) {
  const auto* at = static_cast<const std::uint8_t*>(from);
  while (size_bytes > 0) {
    const ssize_t done = ::write(fd, at, size_bytes);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    at += done;
    size_bytes -= static_cast<std::size_t>(done);
  }
  return true;
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
bool read_rows(int fd, const FileHeader& header, std::vector<lg_row>& rows) {
  rows.reserve(header.row_count);
  advise_large_pages(rows.data(), header.row_count * sizeof(lg_row));
  rows.resize(header.row_count);
  return read_all(fd, rows.data(), rows.size() * sizeof(lg_row)) && checksum(header, rows) == header.checksum;
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
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_error(ErrorKind::io, "cannot create unwind cache " + directory, errno);
  }
  Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    const ErrorKind kind =
        errno == ELOOP || errno == ENOTDIR || errno == EACCES ? ErrorKind::permission : ErrorKind::io;
    return system_error(kind, "cannot open unwind cache " + directory, errno);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return system_error(ErrorKind::io, "cannot examine unwind cache " + directory, errno);
  }
  if (!is_ours_alone(status)) {
    return Error{ErrorKind::permission, "cannot use unwind cache " + directory + ": others may write to it",
                 "remove it, or make it owned by this user with mode 0700", 0};
  }
  return UnwindCache(std::move(fd));
}

std::optional<UnwindTable> UnwindCache::load(const UnwindIdentity& identity) const {
  if (!has_usable_id(identity)) return std::nullopt;
  // O_NONBLOCK: opening a FIFO put there must not hang.
  const Descriptor fd(
      ::openat(directory_.get(), hex_name(identity).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode) || !is_ours_alone(status)) return std::nullopt;
  FileHeader header;
  if (!read_all(fd.get(), &header, sizeof header)) return std::nullopt;
  if (!header_matches(header, identity, static_cast<std::uint64_t>(status.st_size))) return std::nullopt;
  UnwindTable table;
  table.base = header.base;
  if (!read_rows(fd.get(), header, table.rows) || !index_rows(table)) return std::nullopt;
  return table;
}

Status UnwindCache::store(const UnwindIdentity& identity, const UnwindTable& table) const {
  if (!has_usable_id(identity))
    return Error{ErrorKind::usage, "cannot cache a module without a build id", {}, 0};
  FileHeader header = make_header(identity, table);
  header.checksum = checksum(header, table.rows);
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random) random = 0;
  const std::string name = hex_name(identity);
  const std::string draft = fmt::format(".{}.{}.{:016x}", name, ::getpid(), random);
  Descriptor fd(
      ::openat(directory_.get(), draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return system_error(ErrorKind::io, "cannot write unwind cache file " + name, errno);
  // No fsync: a file torn by a crash fails its checksum and is rebuilt.
  const bool written = write_all(fd.get(), &header, sizeof header) &&
                       write_all(fd.get(), table.rows.data(), table.rows.size() * sizeof(lg_row)) &&
                       ::renameat(directory_.get(), draft.c_str(), directory_.get(), name.c_str()) == 0;
  if (written) return {};
  const int code = errno;
  ::unlinkat(directory_.get(), draft.c_str(), 0);
  return system_error(ErrorKind::io, "cannot write unwind cache file " + name, code);
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
