// SPDX-License-Identifier: Apache-2.0
// Decompresses .gnu_debugdata within bounds; see mini_debug.h.
// libdwfl would do this too, but without a bound: one megabyte of xz can be seven gigabytes of zeroes.
#include "harness/symbolize/mini_debug.h"

#if LEAKGATE_HAVE_LZMA
#include <lzma.h>
#endif

#include <algorithm>
#include <cstdint>
#include <vector>

namespace leakgate::symbolize {

#if LEAKGATE_HAVE_LZMA

namespace {

constexpr std::uint64_t kDecoderMemoryBytes = std::uint64_t{128} << 20U;

/// `input` decompressed; empty if it is damaged or longer than `max_bytes`.
std::vector<char> decompress(std::span<const char> input, std::uint64_t max_bytes) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, kDecoderMemoryBytes, 0) != LZMA_OK) return {};
  stream.next_in = reinterpret_cast<const std::uint8_t*>(input.data());
  stream.avail_in = input.size();
  std::vector<char> out;
  lzma_ret status = LZMA_OK;
  while (status == LZMA_OK) {
    const std::size_t used = stream.total_out;
    if (used >= max_bytes) break;
    out.resize(std::min<std::size_t>(max_bytes, std::max<std::size_t>(out.size() * 2, 65536)));
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data()) + used;
    stream.avail_out = out.size() - used;
    status = lzma_code(&stream, LZMA_FINISH);
  }
  out.resize(status == LZMA_STREAM_END ? stream.total_out : 0);
  lzma_end(&stream);
  return out;
}

}  // namespace

std::unique_ptr<ElfFile> open_mini_debug(const ElfFile& file, const FileLimits& limits) {
  const auto bytes = file.section_bytes(".gnu_debugdata");
  if (!bytes) return nullptr;
  std::vector<char> image = decompress(*bytes, limits.mini_debug_bytes);
  if (image.empty()) return nullptr;
  auto opened = ElfFile::from_memory(std::move(image), limits);
  return opened ? std::move(opened).value() : nullptr;
}

#else

std::unique_ptr<ElfFile> open_mini_debug(const ElfFile&, const FileLimits&) {
  return nullptr;
}

#endif

}  // namespace leakgate::symbolize
