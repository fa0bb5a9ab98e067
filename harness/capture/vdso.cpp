// SPDX-License-Identifier: Apache-2.0
// Finds the vDSO by the auxiliary vector and its length by /proc/self/maps.
#include "harness/capture/vdso.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "harness/capture/process_maps.h"

namespace leakgate::capture {

Result<Descriptor> copy_vdso() {
  const std::uint64_t start = ::getauxval(AT_SYSINFO_EHDR);
  auto maps = read_maps(::getpid());
  if (!maps) return std::move(maps).error();
  const auto found = std::find_if(maps->begin(), maps->end(), [&](const FileMapping& mapping) {
    return mapping.path == kVdsoName && mapping.start == start;
  });
  if (start == 0 || found == maps->end()) return Error{ErrorKind::not_found, "there is no vDSO", "", 0};
  Descriptor copy(::memfd_create("vdso", MFD_CLOEXEC));
  const std::size_t bytes = found->end - found->start;
  const void* image = reinterpret_cast<const void*>(start);  // NOLINT(performance-no-int-to-ptr)
  if (!copy || ::write(copy.get(), image, bytes) != static_cast<ssize_t>(bytes))
    return system_error(ErrorKind::io, "cannot copy the vDSO", errno);
  return copy;
}

}  // namespace leakgate::capture
