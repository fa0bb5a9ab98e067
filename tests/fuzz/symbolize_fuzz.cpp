// SPDX-License-Identifier: Apache-2.0
// Fuzz target of the symbolizer: any bytes as an ELF file, then lookups all over it. Whatever the file holds,
// this must return, and every answer must have at least one frame. Bounds are small, so that running into
// them is tried as well.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "harness/symbolize/demangle.h"
#include "harness/symbolize/source_path.h"
#include "harness/symbolize/symbolizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leakgate;
  using namespace leakgate::symbolize;
  const Descriptor file(::memfd_create("symbolize_fuzz", MFD_CLOEXEC));
  if (!file || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  SymbolizerOptions options;
  options.debug_files.debug_roots.clear();
  options.file_limits.decompressed_bytes = std::uint64_t{8} << 20U;
  options.file_limits.mini_debug_bytes = std::uint64_t{8} << 20U;
  options.dwarf_limits.steps = 100'000;
  options.dwarf_limits.time = std::chrono::milliseconds(500);
  Symbolizer symbolizer(options);
  const std::uint32_t module =
      symbolizer.add_module({"/fuzz", "/proc/self/fd/" + std::to_string(file.get()), ""});
  auto elf = ElfFile::open("/proc/self/fd/" + std::to_string(file.get()), options.file_limits);
  if (elf) {
    for (const AddressRange& range : (*elf)->code()) {
      const std::uint64_t step = (range.high - range.low) / 40 + 1;
      std::uint64_t address = range.low;
      for (int i = 0; i < 40 && address < range.high; ++i, address += step) {
        if (symbolizer.resolve(module, address, i % 2 == 0).empty()) std::abort();
      }
      break;
    }
  }
  const std::string text(reinterpret_cast<const char*>(data), size < 2048 ? size : 2048);
  if (name_from_linker(text).compact.size() > kMaxNameBytes) std::abort();
  if (name_from_source(text).full.size() > kMaxFullNameBytes) std::abort();
  (void)SourcePaths({"/a", {{"/b", "/c"}}}).display(text);
  return 0;
}
