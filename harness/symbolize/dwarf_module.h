// SPDX-License-Identifier: Apache-2.0
// DwarfModule: function, file, line, column and inlined calls at an address, out of one file's DWARF.
// In: an ELF file with .debug_info. Out: source frames, or nothing where the DWARF does not know. Reads
// lazily, unit by unit, and bounds what it reads.
#pragma once

#include <elfutils/libdw.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/symbolize/debug_file.h"
#include "harness/symbolize/die_name.h"
#include "harness/symbolize/dwarf_functions.h"
#include "harness/symbolize/dwarf_units.h"
#include "harness/symbolize/elf_file.h"
#include "harness/symbolize/work_budget.h"

namespace leakgate::symbolize {

/// A frame as the DWARF tells it; the path is as the compiler wrote it, joined with the compilation
/// directory.
struct SourceFrame {
  FunctionName function;
  const char* file = nullptr;  ///< owned by the module; null: unknown
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  bool inlined = false;
};

/// Bounds on what reading one module's DWARF may cost.
struct DwarfLimits {
  std::uint64_t steps = 400'000'000;
  std::chrono::milliseconds time{60'000};
};

/// The DWARF of one module.
class DwarfModule {
 public:
  /// DWARF of `file`, for code that lies where `code` says (the module itself, which of a separate debug file
  /// is another file). Both must outlive the result. Null if there is no DWARF, or a part of it (dwz) cannot
  /// be found.
  [[nodiscard]] static std::unique_ptr<DwarfModule> open(const ElfFile& file, const ElfFile& code,
                                                         const DebugFileOptions& debug_files,
                                                         const FileLimits& file_limits,
                                                         const DwarfLimits& limits);
  ~DwarfModule();
  DwarfModule(const DwarfModule&) = delete;
  DwarfModule& operator=(const DwarfModule&) = delete;

  /// Source frames at `address`, innermost first; empty if no function covers it. Where only the line table
  /// knows the address (assembler), one frame without a function name.
  void resolve(std::uint64_t address, std::vector<SourceFrame>& frames);

  /// An estimate of what lookups so far made this module and libdw keep in memory.
  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_ + names_.memory_bytes(); }
  /// True once the bounds stopped the reading: what was not read until then stays unknown.
  [[nodiscard]] bool exhausted() const { return budget_.spent(); }
  /// Gives the bounds afresh, where what was read so far was nobody's wish.
  void renew(const DwarfLimits& limits) { budget_ = WorkBudget(limits.steps, limits.time); }
  /// Answers depend on further files (-gsplit-dwarf, dwz).
  [[nodiscard]] bool needs_further_files() const;

 private:
  struct DwarfEnd {
    void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
  };
  /// What has been read of one unit.
  struct UnitState {
    bool root_known = false;
    bool deep = false;
    bool lines_known = false;
    bool lines_sound = false;
    Dwarf_Die root{};  ///< where the functions are; addr is null if there is no such place
    FunctionIndex functions;
  };

  DwarfModule(const ElfFile& code, const FileLimits& file_limits, const DwarfLimits& limits);
  const Dwarf_Die* find_function(std::uint32_t unit, std::uint64_t address);
  void find_root(std::uint32_t unit, UnitState& state);
  [[nodiscard]] bool split_files_are_sound(Dwarf_Die skeleton) const;
  Dwarf_Line* find_line(std::uint32_t unit, std::uint64_t address);
  const InlineTree& inline_tree(const Dwarf_Die& function);
  void append_frames(std::uint32_t unit, const Dwarf_Die& function, std::uint64_t address,
                     std::vector<SourceFrame>& frames);
  /// `file` of a line table of `unit`, joined with the compilation directory where libdw has not done so: the
  /// directories of DWARF 5 may be relative.
  const char* whole_path(std::uint32_t unit, const char* file);
  void set_line(std::uint32_t unit, Dwarf_Line* line, SourceFrame& frame);
  bool sound_lines(const Dwarf_Die& unit);
  void set_call_site(std::uint32_t of_unit, const InlinedCall& call, SourceFrame& frame);

  const ElfFile& code_;
  FileLimits file_limits_;
  WorkBudget budget_;
  std::unique_ptr<ElfFile> alternate_file_;
  std::unique_ptr<Dwarf, DwarfEnd> alternate_;
  std::unique_ptr<Dwarf, DwarfEnd> dwarf_;
  std::string split_package_;  ///< FILE.dwp, beside the file
  UnitIndex units_;
  DieNames names_;
  std::unordered_map<std::uint32_t, UnitState> states_;
  std::unordered_map<const void*, InlineTree> inline_trees_;  ///< by address of the function's entry
  std::unordered_map<const void*, bool> sound_lines_;         ///< by libdw's handle of the unit
  std::unordered_map<const char*, std::string> whole_paths_;  ///< by libdw's text
  std::vector<std::uint32_t> candidates_;
  std::size_t memory_bytes_ = 0;
};

}  // namespace leakgate::symbolize
