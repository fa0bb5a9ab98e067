// SPDX-License-Identifier: Apache-2.0
// A temporary file beside the wanted one, created exclusively and renamed over it; see atomic_file.h. Nothing
// is synced to disk: a report is not a database.
#include "harness/base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdlib>

#include <fmt/format.h>

#include "harness/base/descriptor.h"
#include "harness/base/text.h"

namespace leakgate {
namespace {

ErrorKind kind_of(int code) {
  if (code == EACCES || code == EPERM || code == EROFS) return ErrorKind::permission;
  return code == ENOENT || code == ENOTDIR ? ErrorKind::not_found : ErrorKind::io;
}

Error cannot_write(const std::string& path, int code) {
  const auto kind = kind_of(code) == ErrorKind::not_found ? ErrorKind::io : kind_of(code);
  return system_error(
      kind, fmt::format("cannot write {}", path), code,
      code == EFBIG                           ? "see ulimit -f"
      : kind_of(code) == ErrorKind::not_found ? "create the folder first, or choose another path"
      : code == ENOSPC || code == EDQUOT
          ? "the disk is full, or what you may use of it: make room, or choose a path on another"
          : "choose a path that can be written");
}

Status write_all(int fd, const std::string& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return cannot_write(path, errno);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

/// A symbolic link stays a link: the file it names is the one replaced.
std::string resolve_links(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return path;
  std::string result = resolved;
  std::free(resolved);
  return result;
}

struct Destination {
  std::string path;
  bool exists = false;
  bool direct = false;  ///< not a regular file: written in place
  struct stat attributes {};
};

Result<Destination> look_at(const std::string& path) {
  Destination result;
  if (path.empty())
    return Error{ErrorKind::usage, "cannot write a file without a name",
                 "give a path, or - for standard output"};
  result.path = resolve_links(path);
  if (::stat(result.path.c_str(), &result.attributes) != 0) {
    if (errno != ENOENT) return cannot_write(path, errno);
    if (path.back() == '/') return cannot_write(path, EISDIR);
    return result;
  }
  result.exists = true;
  if (S_ISDIR(result.attributes.st_mode)) return cannot_write(path, EISDIR);
  if (::access(result.path.c_str(), W_OK) != 0) return cannot_write(path, errno);
  result.direct = !S_ISREG(result.attributes.st_mode);
  return result;
}

struct Temporary {
  Descriptor fd;
  std::string path;
};

/// Creates a new file beside `destination`; the caller renames or removes it.
Result<Temporary> create_beside(const std::string& destination, const std::string& shown_path) {
  static std::atomic<unsigned> counter{0};
  const auto slash = destination.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : destination.substr(0, slash + 1);
  if (base_name(destination).size() > NAME_MAX) return cannot_write(shown_path, ENAMETOOLONG);
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string path = fmt::format("{}.leakgate-{}-{}.tmp", folder, ::getpid(), counter.fetch_add(1));
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd >= 0) return Temporary{Descriptor(fd), std::move(path)};
    if (errno != EEXIST) return cannot_write(shown_path, errno);
  }
  return cannot_write(shown_path, EEXIST);
}

}  // namespace

struct WholeFile::State {
  std::string shown_path;
  Destination destination;
  Descriptor fd;
  std::string temporary;  ///< empty where the destination is written directly

  [[nodiscard]] int output() const { return fd ? fd.get() : STDOUT_FILENO; }
  Status put_in_place();
};

Status WholeFile::State::put_in_place() {
  if (destination.exists) {
    // The new file keeps mode and, as far as allowed, the owner of the old one.
    if (::fchown(fd.get(), destination.attributes.st_uid, destination.attributes.st_gid) != 0) errno = 0;
    if (::fchmod(fd.get(), destination.attributes.st_mode & 07777) != 0)
      return cannot_write(shown_path, errno);
  }
  if (::close(fd.release()) != 0) return cannot_write(shown_path, errno);
  if (::rename(temporary.c_str(), destination.path.c_str()) != 0) return cannot_write(shown_path, errno);
  temporary.clear();
  return {};
}

WholeFile::WholeFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
WholeFile::WholeFile(WholeFile&&) noexcept = default;

WholeFile::~WholeFile() {
  if (state_ && !state_->temporary.empty()) ::unlink(state_->temporary.c_str());
}

Result<WholeFile> WholeFile::create(const std::string& path) {
  auto state = std::make_unique<State>();
  state->shown_path = path == "-" ? "standard output" : path;
  if (path == "-") return WholeFile(std::move(state));
  auto destination = look_at(path);
  if (!destination) return std::move(destination).error();
  state->destination = std::move(*destination);
  if (state->destination.direct) {
    state->fd = Descriptor(::open(state->destination.path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!state->fd) return cannot_write(path, errno);
    return WholeFile(std::move(state));
  }
  auto temporary = create_beside(state->destination.path, path);
  if (!temporary) return std::move(temporary).error();
  state->fd = std::move(temporary->fd);
  state->temporary = std::move(temporary->path);
  return WholeFile(std::move(state));
}

Status WholeFile::append(std::string_view content) {
  return write_all(state_->output(), state_->shown_path, content);
}

Status WholeFile::commit() {
  return state_->temporary.empty() ? Status() : state_->put_in_place();
}

Status write_whole(const std::string& path, std::string_view content) {
  auto file = WholeFile::create(path);
  if (!file) return std::move(file).error();
  if (auto written = file->append(content); !written) return written;
  return file->commit();
}

Status check_writable(const std::string& path) {
  if (path == "-") {
    const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) return cannot_write("standard output", EBADF);
    return {};
  }
  auto destination = look_at(path);
  if (!destination) return std::move(destination).error();
  if (destination->direct) return {};
  auto temporary = create_beside(destination->path, path);
  if (!temporary) return std::move(temporary).error();
  ::unlink(temporary->path.c_str());
  return {};
}

Result<std::string> read_whole(const std::string& path, std::uint64_t max_bytes) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) {
    const int code = errno;
    return system_error(kind_of(code), fmt::format("cannot read {}", path), code,
                        kind_of(code) == ErrorKind::permission ? "see who may read it" : "check the path");
  }
  struct stat attributes {};
  if (::fstat(fd.get(), &attributes) == 0 && S_ISDIR(attributes.st_mode))
    return system_error(ErrorKind::io, fmt::format("cannot read {}", path), EISDIR, "give a file");
  std::string content;
  if (S_ISREG(attributes.st_mode) && attributes.st_size > 0)
    content.reserve(static_cast<std::size_t>(
                        std::min<std::uint64_t>(max_bytes, static_cast<std::uint64_t>(attributes.st_size))) +
                    1);
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(ErrorKind::io, fmt::format("cannot read {}", path), errno);
    if (got == 0) return content;
    if (content.size() + static_cast<std::size_t>(got) > max_bytes)
      return Error{ErrorKind::format, fmt::format("{} is longer than {} bytes", path, max_bytes),
                   "check that it is the right file"};
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace leakgate
