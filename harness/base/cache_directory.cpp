// SPDX-License-Identifier: Apache-2.0
// Whatever stands in the directory may have been put there by somebody: nothing is followed, nothing blocks.
#include "harness/base/cache_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <vector>

namespace leakgate {
namespace {

constexpr std::time_t kHour = 60 * 60, kDay = 24 * kHour;
constexpr const char* kTidied = ".tidied";  ///< was written when that was done last

struct Entry {
  std::string name;
  std::uint64_t bytes = 0;
  std::time_t used = 0;  ///< to a day
};

/// The regular files in a directory.
std::vector<Entry> files_in(int directory) {
  std::vector<Entry> files;
  // a description of its own: where it has been read to would be shared
  Descriptor own(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* const stream = own ? ::fdopendir(own.get()) : nullptr;
  if (stream == nullptr) return files;
  (void)own.release();
  while (const dirent* const each = ::readdir(stream)) {
    struct stat status {};
    if (::fstatat(directory, each->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode))
      files.push_back({each->d_name, static_cast<std::uint64_t>(status.st_size), status.st_mtime});
  }
  ::closedir(stream);
  return files;
}

bool is_ours_alone(const struct stat& status) {
  return status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// The folder it lies in as well, ~/.cache say, for which the XDG rules want the same mode; no more than
/// that.
bool make_private_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return true;
  if (errno != ENOENT) return false;
  const std::string parent = path.substr(0, path.rfind('/'));
  if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST) return false;
  return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST;
}

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return true;
}

}  // namespace

bool CachedFile::read(void* to, std::size_t size) const {
  auto* at = static_cast<std::byte*>(to);
  while (size > 0) {
    const ssize_t got = ::read(descriptor.get(), at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

Result<CacheDirectory> CacheDirectory::open(const std::string& path, std::string what,
                                            std::uint64_t most_bytes) {
  if (!make_private_folder(path))
    return system_error(ErrorKind::io, "cannot create " + what + " " + path, errno);
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    const ErrorKind kind =
        errno == ELOOP || errno == ENOTDIR || errno == EACCES ? ErrorKind::permission : ErrorKind::io;
    return system_error(kind, "cannot open " + what + " " + path, errno);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    return system_error(ErrorKind::io, "cannot examine " + what + " " + path, errno);
  if (!is_ours_alone(status))
    return Error{ErrorKind::permission, "cannot use " + what + " " + path + ": others may write to it",
                 "remove it, or make it owned by this user with mode 0700", 0};
  return CacheDirectory(std::move(fd), std::move(what), most_bytes);
}

std::optional<CachedFile> CacheDirectory::find(const std::string& name) const {
  // O_NONBLOCK: opening a FIFO put there must not hang.
  Descriptor fd(::openat(directory_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode) || !is_ours_alone(status)) return std::nullopt;
  if (status.st_mtime < std::time(nullptr) - kDay) (void)::futimens(fd.get(), nullptr);  // it is in use
  return CachedFile{std::move(fd), static_cast<std::uint64_t>(status.st_size)};
}

Status CacheDirectory::replace(const std::string& name,
                               std::initializer_list<std::span<const std::byte>> contents) const {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random) random = 0;
  const std::string draft = fmt::format(".{}.{}.{:016x}", name, ::getpid(), random);
  const Descriptor fd(
      ::openat(directory_.get(), draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return system_error(ErrorKind::io, "cannot write " + what_ + " file " + name, errno);
  bool written = true;
  for (const auto part : contents)
    written = written && write_all(fd.get(), part);
  if (written && ::renameat(directory_.get(), draft.c_str(), directory_.get(), name.c_str()) == 0) {
    tidy();
    return {};
  }
  const int code = errno;
  ::unlinkat(directory_.get(), draft.c_str(), 0);
  return system_error(ErrorKind::io, "cannot write " + what_ + " file " + name, code);
}

void CacheDirectory::tidy() const {
  struct stat last {};
  const std::time_t now = std::time(nullptr);
  if (::fstatat(directory_.get(), kTidied, &last, AT_SYMLINK_NOFOLLOW) == 0 && last.st_mtime > now - kHour)
    return;
  const Descriptor done(
      ::openat(directory_.get(), kTidied, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!done || ::futimens(done.get(), nullptr) != 0) return;
  std::vector<Entry> files = files_in(directory_.get());
  std::uint64_t bytes = 0;
  std::erase_if(files, [&](const Entry& file) {
    if (file.name.front() != '.') return bytes += file.bytes, false;
    if (file.used < now - kDay) (void)::unlinkat(directory_.get(), file.name.c_str(), 0);
    return true;
  });
  if (bytes <= most_bytes_) return;
  std::sort(files.begin(), files.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  // a quarter more than needed, so that the next run's files have room
  for (const Entry& file : files) {
    if (bytes <= most_bytes_ / 4 * 3) return;
    if (::unlinkat(directory_.get(), file.name.c_str(), 0) == 0) bytes -= file.bytes;
  }
}

}  // namespace leakgate
