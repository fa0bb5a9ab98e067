// SPDX-License-Identifier: Apache-2.0
// Fuzz target of the row builder and the walk over its rows. The first byte says what the rest is: 0 a whole
// ELF file, 1 the .eh_frame of an ELF file made around it, 2 its .debug_frame, 3 .eh_frame without section
// headers. Invariants of the table are checked here, since a table that breaks them would be read out of
// bounds later.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "harness/capture/unwind/unwind_table.h"
#include "harness/capture/unwind/unwind_walker.h"
#include "tests/unit/capture_unwind/elf_bytes.h"

namespace {

using leakgate::capture::find_rule;
using leakgate::capture::MappedModule;
using leakgate::capture::UnwindTable;

void require(bool held) {
  if (!held) std::abort();
}

void check_table(const UnwindTable& table) {
  if (table.rows.empty()) return;
  require(table.rows.front().pc == table.origin && table.rows.back().pc == table.limit);
  require(table.rows.back().rule == LG_RULE_NONE);
  const std::size_t step = table.rows.size() / 512 + 1;
  for (std::size_t i = 0; i + 1 < table.rows.size(); ++i) {
    require(table.rows[i].pc < table.rows[i + 1].pc);
    require(LG_RULE_KIND(table.rows[i].rule) <= LG_RULE_LAST);
    if (i % step == 0) require(find_rule(table, table.rows[i].pc) == table.rows[i].rule);
    if (i % step == 0) require(find_rule(table, table.rows[i + 1].pc - 1) == table.rows[i].rule);
  }
  require(find_rule(table, table.limit) == LG_RULE_NONE);
}

/// A stack filled with the input's own words, below a module whose rows are the input's too.
class FuzzSpace : public leakgate::capture::WalkSpace {
 public:
  FuzzSpace(std::span<const std::uint8_t> bytes, const UnwindTable& table) : bytes_(bytes) {
    module_ = {table.base + table.origin, table.base + table.limit + 64, 0, &table};
  }
  bool read_word(std::uint64_t address, std::uint64_t& word) override {
    if (bytes_.size() < 8 || address < kStack || address - kStack > (1U << 16)) return false;
    std::memcpy(&word, bytes_.data() + (address - kStack) % (bytes_.size() - 7), 8);
    // Every other word leads back into the module, so that walks get somewhere.
    if ((address & 8) == 0) word = module_.start + word % (module_.end - module_.start);
    return true;
  }
  const MappedModule* find_module(std::uint64_t pc) override {
    return pc >= module_.start && pc < module_.end ? &module_ : nullptr;
  }
  static constexpr std::uint64_t kStack = 0x7fff00000000U;

 private:
  std::span<const std::uint8_t> bytes_;
  MappedModule module_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::span<const std::uint8_t> rest(data + 1, size - 1);
  leakgate::unwind_test::ElfSpec spec;
  leakgate::unwind_test::Bytes file(rest.begin(), rest.end());
  if (const int mode = data[0] % 4; mode != 0) {
    (mode == 2 ? spec.debug_frame : spec.eh_frame) = file;
    spec.sections = mode != 3;
    file = leakgate::unwind_test::make_elf(spec);
  }
  const auto table = leakgate::capture::build_unwind_table(std::span<const std::uint8_t>(file));
  if (!table) return 0;
  check_table(*table);
  if (table->rows.empty()) return 0;
  FuzzSpace space(rest, *table);
  leakgate::capture::WalkedStack stack;
  for (std::size_t i = 0; i < table->rows.size() && i < 16; ++i) {
    const std::uint64_t pc = table->base + table->rows[i].pc;
    leakgate::capture::walk({pc, FuzzSpace::kStack, FuzzSpace::kStack + 64}, space, stack);
    require(stack.count >= 1 && stack.count <= LG_MAX_FRAMES);
  }
  return 0;
}
