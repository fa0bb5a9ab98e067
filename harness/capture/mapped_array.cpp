// SPDX-License-Identifier: Apache-2.0
// Array maps through mmap. See mapped_array.h.
#include "harness/capture/mapped_array.h"

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#ifdef __clang__
// LIBBPF_OPTS is made of statement expressions and compound literals
#pragma clang diagnostic ignored "-Wgnu-statement-expression"
#pragma clang diagnostic ignored "-Wc99-extensions"
#endif

namespace leakgate::capture {
namespace {

std::size_t whole_pages(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

Error map_error(std::string_view what, int negative_errno, std::string_view words) {
  const int code = -negative_errno;
  const bool refused = code == EPERM || code == EACCES;
  Error error = system_error(refused ? ErrorKind::permission : ErrorKind::unsupported, what, code);
  if (!words.empty()) error.message += " (" + std::string(words) + ")";
  error.hint = refused
                   ? "run as root or with CAP_BPF and CAP_PERFMON; `leakgate doctor` tells what is missing"
                   : "`leakgate doctor` tells what this kernel supports";
  return error;
}

MappedArray::MappedArray(MappedArray&& other) noexcept
    : fd_(std::move(other.fd_)),
      memory_(std::exchange(other.memory_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

MappedArray::~MappedArray() {
  if (memory_) ::munmap(memory_, whole_pages(bytes_));
}

Status MappedArray::map(int fd, std::uint32_t value_bytes, std::uint32_t entries) {
  const std::size_t bytes = std::size_t{value_bytes} * entries;
  void* memory = ::mmap(nullptr, whole_pages(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return map_error("cannot map a table of the kernel side", -errno);
  memory_ = memory;
  bytes_ = bytes;
  return {};
}

Result<MappedArray> MappedArray::open(int fd, std::uint32_t value_bytes, std::uint32_t entries) {
  MappedArray array;
  if (auto mapped = array.map(fd, value_bytes, entries); !mapped) return std::move(mapped).error();
  return array;
}

Result<MappedArray> MappedArray::create(const Shape& shape) {
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = BPF_F_MMAPABLE;
  if (shape.any_size) options.map_flags |= BPF_F_INNER_MAP;
  MappedArray array;
  array.fd_.reset(bpf_map_create(BPF_MAP_TYPE_ARRAY, shape.name, sizeof(std::uint32_t), shape.value_bytes,
                                 shape.entries, &options));
  if (!array.fd_) return map_error("cannot make a table for the kernel side", -errno);
  if (auto mapped = array.map(array.fd_.get(), shape.value_bytes, shape.entries); !mapped)
    return std::move(mapped).error();
  return array;
}

}  // namespace leakgate::capture
