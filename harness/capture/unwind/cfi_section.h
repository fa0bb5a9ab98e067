// SPDX-License-Identifier: Apache-2.0
// Reads .eh_frame or .debug_frame into its entries: CIEs with their initial state, FDEs with their address
// range and instructions. In: untrusted bytes. Out: plain structs that point into them. Entries that make no
// sense are left out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "harness/capture/unwind/byte_reader.h"
#include "harness/capture/unwind/cfi_rules.h"

namespace leakgate::capture {

/// The bytes of one frame section and the bases its pointers may be relative to. The bytes are not owned.
struct CfiBytes {
  const std::uint8_t* data = nullptr;
  std::uint64_t size = 0;     ///< bytes
  std::uint64_t address = 0;  ///< of `data`, in the module's own address space
  bool is_eh = true;          ///< .eh_frame, else .debug_frame
  bool stop_at_zero = false;  ///< a zero length ends the section (its true size is unknown)
  std::uint64_t text_base = 0;
  std::uint64_t data_base = 0;
};

/// Common information entry, its initial instructions already run.
struct CfiCommon {
  std::uint64_t code_align = 1;
  std::int64_t data_align = 1;
  std::uint8_t pointer_encoding = 0;
  bool signal_frame = false;
  bool sized_augmentation = false;
  bool initial_ok = false;  ///< false: rows under this entry are unsupported
  CfiState initial;
};

/// Frame description entry: instructions for [start, end).
struct CfiRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  const std::uint8_t* code = nullptr;
  std::uint32_t code_size = 0;
  std::uint32_t common = 0;  ///< index into CfiSection::commons

  [[nodiscard]] ByteReader instructions() const { return {code, code + code_size}; }
};

struct CfiSection {
  CfiBytes bytes;
  std::vector<CfiCommon> commons;
  std::vector<CfiRange> ranges;  ///< in file order, start < end
  std::uint64_t skipped = 0;     ///< entries that could not be read
};

/// Reads every entry of `bytes`, one pass, in time linear in its size. Never fails: what is unreadable is
/// counted.
CfiSection read_cfi_section(const CfiBytes& bytes);

/// A pointer in DW_EH_PE_ `encoding` at the reader's place in `bytes`; nothing for an encoding that has no
/// meaning here (omitted, indirect, unknown) or when bytes run out. `function` is the base of funcrel.
std::optional<std::uint64_t> read_encoded_pointer(ByteReader& reader, std::uint8_t encoding,
                                                  const CfiBytes& bytes, std::uint64_t function);

}  // namespace leakgate::capture
