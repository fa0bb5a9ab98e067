// SPDX-License-Identifier: Apache-2.0
// Fuzz target: any bytes as an ELF file, and as a function for the probe planner. Nothing may crash, hang or
// read astray.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "harness/base/elf_image.h"
#include "harness/base/library_cache.h"
#include "harness/capture/planner/allocators.h"

using leakgate::Descriptor;
using leakgate::ElfImage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leakgate::capture::ProbeTarget target;
  target.code = {{data, size}, 0x1000};
  target.size_bytes = size;
  (void)leakgate::capture::plan_probe(target, {});
  (void)leakgate::LibraryCache::parse({reinterpret_cast<const char*>(data), size});

  Descriptor fd(::memfd_create("fuzz", MFD_CLOEXEC));
  if (!fd || ::write(fd.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  const auto image = ElfImage::from_fd(std::move(fd), "fuzz", leakgate::ElfOptions{""});
  if (!image) return 0;
  (void)image->stripped();
  (void)image->find("malloc");
  (void)leakgate::capture::plan_allocator_probes(*image);
  for (const auto& segment : image->segments()) {
    (void)image->read_code(segment.vaddr, 64);
    if (const auto offset = image->file_offset(segment.vaddr)) (void)image->vaddr(*offset);
  }
  return 0;
}
