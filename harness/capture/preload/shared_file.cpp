// SPDX-License-Identifier: Apache-2.0
// A sparse memory file.
#include "harness/capture/preload/shared_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace leakgate::capture {
namespace {

constexpr std::uint64_t region_offset(std::uint32_t process) {
  return preload::kRegionsAt + process * preload::kRegionBytes;
}

/// Its size is an upper bound, which a limit on file sizes is not meant for. 0, or what failed.
int make_large(int file) {
  rlimit limit{};
  const bool limited = ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < preload::kFileBytes;
  if (limited) {
    const rlimit lifted{RLIM_INFINITY, RLIM_INFINITY}, highest{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_FSIZE, &lifted) != 0) (void)::setrlimit(RLIMIT_FSIZE, &highest);
  }
  const int failed = ::ftruncate(file, static_cast<off_t>(preload::kFileBytes)) != 0 ? errno : 0;
  if (limited) (void)::setrlimit(RLIMIT_FSIZE, &limit);
  return failed;
}

/// As pwrite where a limit on file sizes refuses that: it does not concern mappings.
bool write_mapped(int file, std::uint64_t at, std::span<const std::byte> bytes) {
  const std::uint64_t inside = at % static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t mapped_bytes = bytes.size() + inside;
  void* const mapped = ::mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file,
                              static_cast<off_t>(at - inside));
  if (mapped == MAP_FAILED) return false;
  std::memcpy(static_cast<std::byte*>(mapped) + inside, bytes.data(), bytes.size());
  ::munmap(mapped, mapped_bytes);
  return true;
}

}  // namespace

Result<SharedFile> SharedFile::make() {
  SharedFile file;
  file.file_.reset(::memfd_create(preload::kFileName, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.file_) return system_error(ErrorKind::unsupported, "cannot make a memory file", errno);
  if (const int failed = make_large(file.file_.get()))
    return system_error(ErrorKind::unsupported, "cannot make a large memory file", failed, "see ulimit -f");
  // every process that writes to it could make it smaller: what is mapped would be gone
  if (::fcntl(file.file_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return system_error(ErrorKind::unsupported, "cannot seal the memory file", errno);
  void* const at = ::mmap(nullptr, preload::kControlBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                          file.file_.get(), 0);
  if (at == MAP_FAILED)
    return system_error(ErrorKind::unsupported, "cannot map the memory file", errno, "see ulimit -v");
  file.control_ = static_cast<std::byte*>(at);
  file.header().layout = preload::kLayout;
  return file;
}

SharedFile::SharedFile(SharedFile&& other) noexcept
    : file_(std::move(other.file_)), control_(std::exchange(other.control_, nullptr)) {}

SharedFile::~SharedFile() {
  if (control_ != nullptr) ::munmap(control_, preload::kControlBytes);
}

std::string SharedFile::name() const {
  return fmt::format("{}/{}", ::getpid(), file_.get());
}

preload::Process& SharedFile::process(std::uint32_t index) const {
  return *reinterpret_cast<preload::Process*>(control_ + preload::kProcessesAt +
                                              index * preload::kProcessStride);
}

bool SharedFile::read(std::uint32_t process, std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got =
        ::pread(file_.get(), out.data(), out.size(), static_cast<off_t>(region_offset(process) + offset));
    if (got <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

bool SharedFile::write(std::uint32_t process, std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const std::uint64_t at = region_offset(process) + offset;
    const ssize_t done = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EFBIG) return write_mapped(file_.get(), at, bytes);
    if (done <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return true;
}

bool SharedFile::visit_written(std::uint32_t process, std::uint64_t offset, std::uint64_t bytes,
                               const std::function<void(std::uint64_t, std::span<std::byte>)>& visit) const {
  // where holes end is asked, where they begin is not: what follows is read, in pieces that double as long as
  // there is no hole
  constexpr std::uint64_t kSmallestPiece = 4u << 10, kLargestPiece = 1u << 20;
  const auto base = static_cast<off_t>(region_offset(process));
  const off_t end = base + static_cast<off_t>(offset + bytes);
  std::vector<std::byte> buffer;
  std::uint64_t wanted = kSmallestPiece;
  for (off_t at = base + static_cast<off_t>(offset); at < end;) {
    const off_t data = ::lseek(file_.get(), at, SEEK_DATA);
    if (data < 0) return errno == ENXIO;  // nothing but a hole is left
    if (data >= end) return true;
    wanted = data == at ? std::min(2 * wanted, kLargestPiece) : kSmallestPiece;
    buffer.resize(std::min<std::uint64_t>(wanted, static_cast<std::uint64_t>(end - data)));
    const auto inside = static_cast<std::uint64_t>(data - base);
    if (!read(process, inside, buffer)) return false;
    visit(inside, buffer);
    at = data + static_cast<off_t>(buffer.size());
  }
  return true;
}

RegionView::~RegionView() {
  if (bytes_ != nullptr) ::munmap(bytes_, size_);
}

RegionView SharedFile::view(std::uint32_t process, std::uint64_t offset, std::size_t bytes) const {
  void* const at = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, file_.get(),
                          static_cast<off_t>(region_offset(process) + offset));
  return at == MAP_FAILED ? RegionView{nullptr, 0} : RegionView{static_cast<std::byte*>(at), bytes};
}

std::uint64_t SharedFile::written_bytes() const {
  struct stat status {};
  return ::fstat(file_.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) * 512 : 0;
}

void SharedFile::drop(std::uint32_t process) const {
  (void)::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(region_offset(process)), static_cast<off_t>(preload::kRegionBytes));
}

}  // namespace leakgate::capture
