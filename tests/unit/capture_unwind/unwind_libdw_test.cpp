// SPDX-License-Identifier: Apache-2.0
// Rows against an independent reader of CFI: at both ends of every row that libdw gives for a module, the
// rule we built must say what libdw says.
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <gtest/gtest.h>
#include <link.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "harness/base/descriptor.h"
#include "harness/capture/unwind/unwind_table.h"

using leakgate::Descriptor;
using leakgate::capture::find_rule;
using leakgate::capture::UnwindTable;

namespace {

constexpr int kRbp = 6;
constexpr int kRsp = 7;
constexpr int kRip = 16;

struct Place {
  enum { other, unchanged, undefined, cfa_plus, register_plus } kind = other;
  int reg = 0;
  std::int64_t offset = 0;
};

bool base_register(const Dwarf_Op& op, int& reg, std::int64_t& offset) {
  if (op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg31) {
    reg = op.atom - DW_OP_breg0;
    offset = static_cast<std::int64_t>(op.number);
    return true;
  }
  if (op.atom != DW_OP_bregx) return false;
  reg = static_cast<int>(op.number);
  offset = static_cast<std::int64_t>(op.number2);
  return true;
}

Place place_of(Dwarf_Frame* frame, int reg) {
  Dwarf_Op memory[3];
  Dwarf_Op* ops = nullptr;
  std::size_t count = 0;
  if (dwarf_frame_register(frame, reg, memory, &ops, &count) != 0) return {};
  if (count == 0) return {ops == memory ? Place::undefined : Place::unchanged, 0, 0};
  Place place;
  if (ops[0].atom == DW_OP_call_frame_cfa) {
    if (count == 1) return {Place::cfa_plus, 0, 0};
    if (count == 2 && ops[1].atom == DW_OP_plus_uconst) {
      return {Place::cfa_plus, 0, static_cast<std::int64_t>(ops[1].number)};
    }
    // An expression, which starts with the CFA on its stack.
    ++ops;
    --count;
  }
  if (count == 1 && base_register(ops[0], place.reg, place.offset)) place.kind = Place::register_plus;
  return place;
}

/// rsp must be the CFA itself: libdw's default for it is a value, "CFA + 0".
bool stack_pointer_is_cfa(Dwarf_Frame* frame) {
  Dwarf_Op memory[3];
  Dwarf_Op* ops = nullptr;
  std::size_t count = 0;
  if (dwarf_frame_register(frame, kRsp, memory, &ops, &count) != 0 || count == 0) return false;
  return ops[0].atom == DW_OP_call_frame_cfa && ops[count - 1].atom == DW_OP_stack_value &&
         (count == 2 || (count == 3 && ops[1].atom == DW_OP_plus_uconst && ops[1].number == 0));
}

bool fits(std::int64_t offset, int bits) {
  const std::int64_t limit = std::int64_t{8} << (bits - 1);
  return offset % 8 == 0 && offset >= -limit && offset < limit;
}

bool is_plt_form(const Dwarf_Op* ops, std::size_t count) {
  return count == 9 && ops[0].atom == DW_OP_breg7 && ops[0].number == 8 && ops[1].atom == DW_OP_breg16 &&
         ops[3].atom == DW_OP_and && ops[5].atom == DW_OP_ge;
}

/// The rule wire.h has for what libdw says; `pc` matters for linkage tables, which have two spellings.
std::uint32_t expected_rule(Dwarf_Frame* frame, bool signal, std::uint64_t pc) {
  const Place rip = place_of(frame, kRip);
  const Place rbp = place_of(frame, kRbp);
  if (rip.kind == Place::undefined) return LG_RULE_END;
  Dwarf_Op* ops = nullptr;
  std::size_t count = 0;
  if (dwarf_frame_cfa(frame, &ops, &count) != 0 || count == 0) return LG_RULE_UNSUPPORTED;
  if (signal) {
    const bool known = rip.kind == Place::register_plus && rip.reg == kRsp && rip.offset == 168 &&
                       rbp.kind == Place::register_plus && rbp.reg == kRsp && rbp.offset == 120;
    return known ? LG_RULE_SIGNAL : LG_RULE_UNSUPPORTED;
  }
  if (rip.kind != Place::cfa_plus || rip.offset != -8 || !stack_pointer_is_cfa(frame))
    return LG_RULE_UNSUPPORTED;
  if (is_plt_form(ops, count)) {
    const std::uint64_t limit = ops[4].atom - std::uint64_t{DW_OP_lit0};
    if (limit == 11) return LG_RULE_MAKE(LG_RULE_PLT, 8, 0, 0);
    return LG_RULE_MAKE(LG_RULE_RSP, (pc & 15) >= limit ? 16 : 8, 0, 0);
  }
  int reg = 0;
  std::int64_t offset = 0;
  if (!base_register(ops[0], reg, offset) || (reg != kRsp && reg != kRbp)) return LG_RULE_UNSUPPORTED;
  bool deref = false;
  bool plus8 = false;
  if (count >= 2 && count <= 3 && ops[1].atom == DW_OP_deref) {
    deref = true;
    plus8 = count == 3 && ops[2].atom == DW_OP_plus_uconst && ops[2].number == 8;
    if (count == 3 && !plus8) return LG_RULE_UNSUPPORTED;
  } else if (count == 2 && ops[1].atom == DW_OP_plus_uconst) {
    offset += static_cast<std::int64_t>(ops[1].number);
  } else if (count != 1) {
    return LG_RULE_UNSUPPORTED;
  }
  if (!deref && reg == kRsp && offset >= (1 << 18) && offset < (1 << 25) && offset % 8 == 0) {
    if (rbp.kind == Place::unchanged) return LG_RULE_MAKE_FAR(offset, 0);
    const bool near = rbp.kind == Place::cfa_plus && rbp.offset >= -512 && rbp.offset <= -16;
    return near ? LG_RULE_MAKE_FAR(offset, rbp.offset) : std::uint32_t{LG_RULE_UNSUPPORTED};
  }
  if (!fits(offset, 16)) return LG_RULE_UNSUPPORTED;
  const int plain = reg == kRsp ? LG_RULE_RSP : LG_RULE_RBP;
  const int loaded = reg == kRsp ? LG_RULE_RSP_DEREF : LG_RULE_RBP_DEREF;
  const int added = reg == kRsp ? LG_RULE_RSP_DEREF_PLUS8 : LG_RULE_RBP_DEREF_PLUS8;
  const int kind = plus8 ? added : deref ? loaded : plain;
  const std::uint32_t rule = LG_RULE_MAKE(kind, offset, 0, 0);
  if (rbp.kind == Place::unchanged) return rule;
  if (rbp.kind == Place::cfa_plus && rbp.offset != 0 && fits(rbp.offset, 11)) {
    return rule | LG_RULE_MAKE(0, 0, 0, rbp.offset);
  }
  if (rbp.kind == Place::register_plus && rbp.reg == kRbp && fits(rbp.offset, 11)) {
    return rule | LG_RULE_MAKE(0, 0, 1, rbp.offset);
  }
  return LG_RULE_UNSUPPORTED;
}

struct Comparison {
  std::uint64_t rows = 0;
  std::uint64_t different = 0;
  std::uint64_t extra = 0;  ///< bytes of code that we have a rule for and libdw has none
  std::string first;        ///< the first difference
};

void compare_at(const UnwindTable& table, Dwarf_Frame* frame, bool signal, std::uint64_t pc,
                Comparison& result) {
  const std::uint32_t wanted = expected_rule(frame, signal, pc);
  const std::uint32_t got = find_rule(table, pc - table.base);
  if (wanted == got) return;
  ++result.different;
  char text[96];
  std::snprintf(text, sizeof text, "pc %#lx: libdw says rule %#x, we say %#x", static_cast<unsigned long>(pc),
                wanted, got);
  if (result.first.empty()) result.first = text;
}

/// Every address of [start, end): by rows where libdw has one, byte by byte where it has none.
void compare_range(Dwarf_CFI* cfi, const UnwindTable& table, std::uint64_t start, std::uint64_t end,
                   Comparison& result) {
  for (std::uint64_t pc = start; pc < end;) {
    Dwarf_Frame* frame = nullptr;
    if (dwarf_cfi_addrframe(cfi, pc, &frame) != 0) {
      if (LG_RULE_KIND(find_rule(table, pc - table.base)) != LG_RULE_NONE) ++result.extra;
      ++pc;
      continue;
    }
    Dwarf_Addr row_start = 0;
    Dwarf_Addr row_end = 0;
    bool signal = false;
    dwarf_frame_info(frame, &row_start, &row_end, &signal);
    ++result.rows;
    compare_at(table, frame, signal, pc, result);
    if (row_end > pc + 1) compare_at(table, frame, signal, row_end - 1, result);
    free(frame);
    pc = std::max<std::uint64_t>(row_end, pc + 1);
  }
}

/// Compares the module at `path`; from `.debug_frame` when `debug_frame`, else from its exception-handling
/// data.
Comparison compare_module(const std::string& path, bool debug_frame = false) {
  Comparison result;
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  auto table = leakgate::capture::build_unwind_table(fd.get());
  EXPECT_TRUE(table) << path;
  elf_version(EV_CURRENT);
  Elf* elf = elf_begin(fd.get(), ELF_C_READ, nullptr);
  Dwarf* dwarf = debug_frame ? dwarf_begin_elf(elf, DWARF_C_READ, nullptr) : nullptr;
  Dwarf_CFI* cfi = debug_frame ? dwarf_getcfi(dwarf) : dwarf_getcfi_elf(elf);
  EXPECT_NE(cfi, nullptr) << path;
  std::size_t count = 0;
  elf_getphdrnum(elf, &count);
  for (std::size_t i = 0; table && cfi != nullptr && i < count; ++i) {
    GElf_Phdr header;
    gelf_getphdr(elf, static_cast<int>(i), &header);
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    compare_range(cfi, *table, header.p_vaddr, header.p_vaddr + header.p_memsz, result);
  }
  if (!debug_frame && cfi != nullptr) dwarf_cfi_end(cfi);
  if (dwarf != nullptr) dwarf_end(dwarf);
  elf_end(elf);
  ::testing::Test::RecordProperty("rows", static_cast<int>(result.rows));
  std::printf("%s: %lu rows compared, %lu differences\n", path.c_str(),
              static_cast<unsigned long>(result.rows), static_cast<unsigned long>(result.different));
  return result;
}

/// Path of the loaded module whose file name starts with `name`.
std::string loaded_path(const char* name) {
  struct Wanted {
    const char* name;
    std::string path;
  } wanted{name, {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& want = *static_cast<Wanted*>(data);
        const std::string path = info->dlpi_name;
        if (path.compare(path.rfind('/') + 1, std::strlen(want.name), want.name) == 0) want.path = path;
        return 0;
      },
      &wanted);
  return wanted.path;
}

/// What we know without CFI: an entry point, a small linkage table.
constexpr std::uint64_t kMostExtraBytes = 96;

void expect_same(const std::string& path, std::uint64_t least_rows, bool debug_frame = false) {
  ASSERT_FALSE(path.empty());
  const Comparison result = compare_module(path, debug_frame);
  EXPECT_GT(result.rows, least_rows);
  EXPECT_EQ(result.different, 0U) << result.first;
  EXPECT_LE(result.extra, kMostExtraBytes);
}

TEST(UnwindRowsAgainstLibdw, CLibrary) {
  expect_same(loaded_path("libc.so"), 1000);
}
TEST(UnwindRowsAgainstLibdw, CppLibrary) {
  expect_same(loaded_path("libstdc++.so"), 1000);
}
TEST(UnwindRowsAgainstLibdw, MathLibrary) {
  expect_same(loaded_path("libm.so"), 100);
}
TEST(UnwindRowsAgainstLibdw, DynamicLinker) {
  expect_same(loaded_path("ld-linux"), 100);
}
TEST(UnwindRowsAgainstLibdw, HandWrittenCode) {
  const std::string path = "/usr/lib/x86_64-linux-gnu/libcrypto.so.3";
  if (access(path.c_str(), R_OK) != 0) GTEST_SKIP() << "OpenSSL is not installed";
  expect_same(path, 10000);
}
TEST(UnwindRowsAgainstLibdw, FramesOfLargeArrays) {
  const std::string path = "/usr/bin/ninja";
  if (access(path.c_str(), R_OK) != 0) GTEST_SKIP() << "ninja is not installed";
  expect_same(path, 1000);
}
TEST(UnwindRowsAgainstLibdw, UnwinderLibrary) {
  expect_same(loaded_path("libgcc_s.so"), 100);
}
TEST(UnwindRowsAgainstLibdw, ThisProgram) {
  expect_same("/proc/self/exe", 1000);
}

TEST(UnwindRowsAgainstLibdw, ClangBuiltLibrary) {
#ifdef LEAKGATE_CLANG_PROGRAMS
  expect_same(LEAKGATE_CLANG_PROGRAMS, 50);
#else
  GTEST_SKIP() << "clang++ was not found";
#endif
}

TEST(UnwindRowsAgainstLibdw, DebugFrameOfFileWithoutEhFrame) {
  expect_same(LEAKGATE_DEBUG_FRAME_NONE, 5, true);
}
TEST(UnwindRowsAgainstLibdw, CompressedDebugFrame) {
  expect_same(LEAKGATE_DEBUG_FRAME_ZLIB, 5, true);
}

}  // namespace
