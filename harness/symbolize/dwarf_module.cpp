// SPDX-License-Identifier: Apache-2.0
// Looking addresses up in DWARF; see dwarf_module.h.
#include "harness/symbolize/dwarf_module.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "harness/symbolize/dwarf_walk.h"
#include "harness/symbolize/line_header.h"

namespace leakgate::symbolize {
namespace {

constexpr std::size_t kBytesPerLine = 72;  ///< of libdw's line tables, with the slack of their construction

/// False if something is at `path` that libdw must not open: a FIFO, a device, a file beyond the limits.
bool is_sound_or_absent(const std::string& path, const FileLimits& limits) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return true;
  return ElfFile::open(path, limits).has_value();
}

}  // namespace

DwarfModule::DwarfModule(const ElfFile& code, const FileLimits& file_limits, const DwarfLimits& limits)
    : code_(code), file_limits_(file_limits), budget_(limits.steps, limits.time), names_(budget_) {}

DwarfModule::~DwarfModule() = default;

std::unique_ptr<DwarfModule> DwarfModule::open(const ElfFile& file, const ElfFile& code,
                                               const DebugFileOptions& debug_files,
                                               const FileLimits& file_limits, const DwarfLimits& limits) {
  if (!file.has_section(".debug_info") && !file.has_section(".zdebug_info")) return nullptr;
  std::unique_ptr<DwarfModule> module(new DwarfModule(code, file_limits, limits));
  module->dwarf_.reset(dwarf_begin_elf(file.elf(), DWARF_C_READ, nullptr));
  if (!module->dwarf_) return nullptr;
  const char* alternate_name = nullptr;
  const void* alternate_id = nullptr;
  const ssize_t id_bytes = dwelf_dwarf_gnu_debugaltlink(module->dwarf_.get(), &alternate_name, &alternate_id);
  if (id_bytes > 0) {
    // Left alone, libdw would look for the file itself and open whatever it finds. Without it half of the
    // names and types are missing, so then better none.
    module->alternate_file_ = find_alternate_file(
        file, alternate_name, build_id_text(alternate_id, static_cast<std::size_t>(id_bytes)), debug_files,
        file_limits);
    if (!module->alternate_file_) return nullptr;
    module->alternate_file_->prepare_for_dwarf();
    module->alternate_.reset(dwarf_begin_elf(module->alternate_file_->elf(), DWARF_C_READ, nullptr));
    if (!module->alternate_) return nullptr;
    dwarf_setalt(module->dwarf_.get(), module->alternate_.get());
  }
  module->split_package_ = file.path() + ".dwp";
  module->budget_.start();
  module->units_ = UnitIndex(module->dwarf_.get(), code, module->budget_);
  module->budget_.stop();
  return module;
}

bool DwarfModule::needs_further_files() const {
  return alternate_ || std::any_of(units_.units().begin(), units_.units().end(),
                                   [](const UnitIndex::Unit& unit) { return unit.skeleton; });
}

void DwarfModule::resolve(std::uint64_t address, std::vector<SourceFrame>& frames) {
  frames.clear();
  budget_.start();
  candidates_.clear();
  units_.find(address, candidates_);
  for (const std::uint32_t unit : candidates_) {
    const Dwarf_Die* function = find_function(unit, address);
    if (function == nullptr) continue;
    append_frames(unit, *function, address, frames);
    break;
  }
  for (std::size_t i = 0; frames.empty() && i < candidates_.size(); ++i) {
    if (Dwarf_Line* line = find_line(candidates_[i], address)) {
      SourceFrame frame;
      set_line(candidates_[i], line, frame);
      if (frame.file != nullptr && frame.line != 0) frames.push_back(std::move(frame));
    }
  }
  budget_.stop();
}

const Dwarf_Die* DwarfModule::find_function(std::uint32_t unit, std::uint64_t address) {
  UnitState& state = states_[unit];
  if (!state.root_known) {
    find_root(unit, state);
    if (state.root.addr != nullptr) {
      state.functions = FunctionIndex(state.root, FunctionIndex::Depth::shallow, code_, budget_);
      memory_bytes_ += state.functions.memory_bytes() + sizeof(UnitState);
    }
  }
  if (state.root.addr == nullptr) return nullptr;
  if (const Dwarf_Die* function = state.functions.find(address)) return function;
  if (state.deep) return nullptr;
  state.deep = true;
  state.functions = FunctionIndex(state.root, FunctionIndex::Depth::deep, code_, budget_);
  memory_bytes_ += state.functions.memory_bytes();
  return state.functions.find(address);
}

void DwarfModule::find_root(std::uint32_t unit, UnitState& state) {
  state.root_known = true;
  const UnitIndex::Unit& entry = units_.units()[unit];
  state.root = entry.die;
  if (!entry.skeleton) return;
  state.root.addr = nullptr;
  if (!split_files_are_sound(entry.die)) return;
  Dwarf_Die split{};
  if (dwarf_cu_info(entry.die.cu, nullptr, nullptr, nullptr, &split, nullptr, nullptr, nullptr) == 0)
    state.root = split;
}

bool DwarfModule::split_files_are_sound(Dwarf_Die skeleton) const {
  if (!is_sound_or_absent(split_package_, file_limits_)) return false;
  Dwarf_Attribute attribute;
  const char* name = dwarf_formstring(dwarf_attr(&skeleton, DW_AT_dwo_name, &attribute));
  if (name == nullptr) name = dwarf_formstring(dwarf_attr(&skeleton, DW_AT_GNU_dwo_name, &attribute));
  if (name == nullptr) return true;
  const char* directory = dwarf_formstring(dwarf_attr(&skeleton, DW_AT_comp_dir, &attribute));
  const std::string beside = split_package_.substr(0, split_package_.rfind('/') + 1) + name;
  if (!is_sound_or_absent(name, file_limits_) || !is_sound_or_absent(beside, file_limits_)) return false;
  return directory == nullptr || is_sound_or_absent(std::string(directory) + "/" + name, file_limits_);
}

Dwarf_Line* DwarfModule::find_line(std::uint32_t unit, std::uint64_t address) {
  Dwarf_Die die = units_.units()[unit].die;
  UnitState& state = states_[unit];
  if (!state.lines_known) {
    state.lines_known = true;
    Dwarf_Lines* lines = nullptr;
    std::size_t count = 0;
    if (!budget_.spend() || !sound_lines(die)) return nullptr;
    state.lines_sound = true;
    if (dwarf_getsrclines(&die, &lines, &count) != 0) return nullptr;
    memory_bytes_ += count * kBytesPerLine;
  }
  return state.lines_sound ? dwarf_getsrc_die(&die, address) : nullptr;
}

const InlineTree& DwarfModule::inline_tree(const Dwarf_Die& function) {
  const auto known = inline_trees_.find(function.addr);
  if (known != inline_trees_.end()) return known->second;
  InlineTree tree(function, code_, budget_);
  memory_bytes_ += tree.memory_bytes() + sizeof(InlineTree) + 32;
  return inline_trees_.emplace(function.addr, std::move(tree)).first->second;
}

void DwarfModule::append_frames(std::uint32_t unit, const Dwarf_Die& function, std::uint64_t address,
                                std::vector<SourceFrame>& frames) {
  std::vector<const InlinedCall*> chain;
  inline_tree(function).find(address, chain);
  SourceFrame frame;
  set_line(unit, find_line(unit, address), frame);
  for (const InlinedCall* call : chain) {
    frame.function = names_.function_name(call->die);
    frame.inlined = true;
    frames.push_back(std::move(frame));
    frame = {};
    set_call_site(unit, *call, frame);
  }
  frame.function = names_.function_name(function);
  frames.push_back(std::move(frame));
}

const char* DwarfModule::whole_path(std::uint32_t unit, const char* file) {
  if (file == nullptr || *file == '/' || *file == '\0') return file;
  const auto known = whole_paths_.find(file);
  if (known != whole_paths_.end()) return known->second.c_str();
  Dwarf_Die die = units_.units()[unit].die;
  Dwarf_Attribute attribute;
  const char* directory = dwarf_formstring(dwarf_attr(&die, DW_AT_comp_dir, &attribute));
  // one that was mapped to something relative (distributions do it) says no more than the file does
  if (directory == nullptr || *directory != '/') return file;
  const std::string& path = whole_paths_.emplace(file, std::string(directory) + "/" + file).first->second;
  memory_bytes_ += path.size() + 96;
  return path.c_str();
}

void DwarfModule::set_line(std::uint32_t unit, Dwarf_Line* line, SourceFrame& frame) {
  if (line == nullptr) return;
  int number = 0;
  int column = 0;
  frame.file = whole_path(unit, dwarf_linesrc(line, nullptr, nullptr));
  if (dwarf_lineno(line, &number) == 0 && number > 0) frame.line = static_cast<std::uint32_t>(number);
  if (frame.line != 0 && dwarf_linecol(line, &column) == 0 && column > 0) {
    frame.column = static_cast<std::uint32_t>(column);
  }
}

bool DwarfModule::sound_lines(const Dwarf_Die& unit) {
  const auto [known, fresh] = sound_lines_.try_emplace(unit.cu, false);
  if (fresh) known->second = has_sound_lines(unit);
  return known->second;
}

void DwarfModule::set_call_site(std::uint32_t of_unit, const InlinedCall& call, SourceFrame& frame) {
  frame.line = call.call_line;
  frame.column = call.call_column;
  if (call.call_file == 0 && call.call_line == 0) return;
  Dwarf_Die die = call.die;
  Dwarf_Die unit;
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  if (dwarf_diecu(&die, &unit, nullptr, nullptr) == nullptr) return;
  if (!sound_lines(unit) || dwarf_getsrcfiles(&unit, &files, &count) != 0 || call.call_file >= count) return;
  frame.file = whole_path(of_unit, dwarf_filesrc(files, call.call_file, nullptr, nullptr));
}

}  // namespace leakgate::symbolize
