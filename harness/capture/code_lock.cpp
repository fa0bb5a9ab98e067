// SPDX-License-Identifier: Apache-2.0
// See code_lock.h.
#include "harness/capture/code_lock.h"

#include <fcntl.h>
#include <unistd.h>

namespace leakgate::capture {
namespace {

constexpr off_t kCodeByte = off_t{0x6c67} << 40;

struct flock byte_lock(short kind) {
  struct flock lock {};
  lock.l_type = kind;
  lock.l_whence = SEEK_SET;
  lock.l_start = kCodeByte;
  lock.l_len = 1;
  return lock;
}

}  // namespace

Descriptor lock_code(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct flock lock = byte_lock(F_RDLCK);
  if (!file || ::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) return {};
  return file;
}

bool is_code_locked(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  // asked for, not taken: a lock to write is what the others' locks would refuse
  struct flock lock = byte_lock(F_WRLCK);
  return file && ::fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace leakgate::capture
