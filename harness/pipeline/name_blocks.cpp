// SPDX-License-Identifier: Apache-2.0
// All addresses of a module are looked up in one pass over its symbols.
#include "harness/pipeline/name_blocks.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "harness/base/elf_image.h"
#include "harness/symbolize/demangle.h"

namespace leakgate::pipeline {
namespace {

using model::ModuleAddress;
using model::TraceHolder;

/// A data object's name and the distance into it.
struct DataName {
  std::string symbol;  ///< the linker's; empty where there is none
  std::uint64_t offset = 0;
};

class DataNames {
 public:
  explicit DataNames(const model::Trace& trace) : trace_(trace) {}

  void want(const ModuleAddress& address) {
    if (address.module < trace_.modules.size()) names_[address.module].try_emplace(address.address);
  }

  void look_up() {
    for (auto& [module, names] : names_) {
      const auto& file = trace_.modules[module].file;
      if (!file) continue;
      const auto image = ElfImage::from_fd(Descriptor(::fcntl(file->get(), F_DUPFD_CLOEXEC, 0)));
      if (!image) continue;
      std::vector<std::uint64_t> addresses;
      for (const auto& [address, name] : names)
        addresses.push_back(address);
      const auto found = image->objects_at(addresses);
      for (std::size_t i = 0; i < addresses.size(); ++i)
        if (found[i]) names[addresses[i]] = {found[i]->name, addresses[i] - found[i]->vaddr};
    }
  }

  [[nodiscard]] DataName of(const ModuleAddress& address) const {
    const auto module = names_.find(address.module);
    if (module == names_.end()) return {};
    const auto found = module->second.find(address.address);
    return found == module->second.end() ? DataName() : found->second;
  }

 private:
  const model::Trace& trace_;
  std::map<std::uint32_t, std::map<std::uint64_t, DataName>> names_;
};

std::string with_offset(std::string name, std::uint64_t offset) {
  return offset == 0 ? name : fmt::format("{}+{:#x}", name, offset);
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

struct ClassName {
  std::string name;     ///< empty where there is none
  bool shared = false;  ///< the block counts the references to it, for std::shared_ptr
};

/// The first argument of the template whose name ends just before `text`.
std::string_view first_argument(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '<' || c == '(') ++depth;
    if ((c == ',' || c == '>') && depth == 0) return text.substr(0, i);
    if (c == '>' || c == ')') --depth;
  }
  return {};
}

/// What the control block `full` of a shared_ptr is for, in libstdc++ or libc++; empty for other classes.
std::string_view shared_class(std::string_view full) {
  for (const std::string_view start :
       {"std::_Sp_counted_ptr_inplace<", "std::_Sp_counted_ptr<", "std::_Sp_counted_deleter<",
        "std::__1::__shared_ptr_emplace<", "std::__1::__shared_ptr_pointer<"}) {
    if (!full.starts_with(start)) continue;
    std::string_view name = first_argument(full.substr(start.size()));
    while (name.ends_with('*') || name.ends_with(' '))
      name.remove_suffix(1);
    return name;
  }
  return {};
}

/// The class that a vtable belongs to.
ClassName class_name(const DataName& name) {
  constexpr std::string_view kVtable = "vtable for ";
  const std::string full = name.symbol.starts_with("_ZTV") ? symbolize::demangle(name.symbol) : std::string();
  if (!full.starts_with(kVtable)) return {};
  const std::string_view whole = std::string_view(full).substr(kVtable.size());
  const std::string_view pointee = shared_class(whole);
  return {symbolize::compact_name(std::string(pointee.empty() ? whole : pointee)), !pointee.empty()};
}

bool is_library_function(std::string_view function) {
  for (const std::string_view prefix :
       {"std::", "__gnu_cxx::", "operator new", "__libc", "void* operator new"})
    if (function.starts_with(prefix)) return true;
  return false;
}

/// "make_node (list.cpp:12)": the innermost function that is not the library's.
std::string site_of(const std::vector<const model::Frame*>& frames) {
  for (const model::Frame* frame : frames) {
    if (frame->function.empty() || is_library_function(frame->function)) continue;
    if (frame->file.empty()) return frame->function;
    return fmt::format("{} ({}:{})", frame->function, base_name(frame->file), frame->line);
  }
  return {};
}

std::string thread_name(std::uint32_t thread) {
  return thread == 0 ? "a thread" : thread == 1 ? "the main thread" : fmt::format("thread {}", thread);
}

class Words {
 public:
  Words(const model::Trace& trace, const DataNames& names, const FramesOf& frames_of,
        const FramesAt& frames_at)
      : trace_(trace), names_(names), frames_of_(frames_of), frames_at_(frames_at) {}

  [[nodiscard]] std::string global(const ModuleAddress& at) const {
    const DataName name = names_.of(at);
    if (!name.symbol.empty()) return with_offset(symbolize::demangle(name.symbol), name.offset);
    if (at.module >= trace_.modules.size()) return "a global variable";
    return fmt::format("{}+{:#x}", base_name(trace_.modules[at.module].path), at.address);
  }

  [[nodiscard]] std::string block(const TraceHolder& holder) const {
    std::string name = member(holder.type, holder.stack);
    return holder.offset == ~std::uint64_t{0} ? name : with_offset(std::move(name), holder.offset);
  }

  [[nodiscard]] std::string holder(const TraceHolder& holder) const {
    switch (holder.what) {
      case TraceHolder::What::global:
        return global(holder.at);
      case TraceHolder::What::stack:
        return "stack of " + thread_name(holder.thread) + function_of(holder.frame);
      case TraceHolder::What::registers:
        return "registers of " + thread_name(holder.thread);
      case TraceHolder::What::thread_local_storage:
        return "thread-local storage of " + thread_name(holder.thread);
      case TraceHolder::What::mapping:
        return "memory mapped by the program";
      case TraceHolder::What::ignored:
        return "the program's word that it is no leak";
      case TraceHolder::What::block:
        break;
    }
    return block(holder);
  }

  /// "shared_ptr cycle: Node -> Node": the members of a lost cycle, as far as they were listed.
  [[nodiscard]] std::string cycle(const model::TraceOutstanding& row) const {
    bool shared = class_name(names_.of(row.type)).shared;
    std::string members = member(row.type, row.stack);
    const std::string alone = members;
    for (const TraceHolder& other : row.holders) {
      shared = shared && class_name(names_.of(other.type)).shared;
      members += " -> " + member(other.type, other.stack);
      if (other.left_out != 0) members += fmt::format(" and {} more", other.left_out);
    }
    if (row.holders.empty()) members += " -> " + alone;  // it holds itself
    return (shared ? "shared_ptr cycle: " : "cycle: ") + members;
  }

 private:
  /// " in work (pool.cpp:12)": the function that the frame is of, at the line it is at.
  [[nodiscard]] std::string function_of(const model::TraceFrame& frame) const {
    const auto frames = frames_at_(frame);
    const std::string site = frames.empty() ? std::string() : site_of({frames.back()});
    return site.empty() ? site : " in " + site;
  }

  [[nodiscard]] std::string member(const ModuleAddress& type, std::uint32_t stack) const {
    std::string name = class_name(names_.of(type)).name;
    if (!name.empty()) return name;
    const std::string site = site_of(frames_of_(stack));
    return site.empty() ? "a block" : "block from " + site;
  }

  const model::Trace& trace_;
  const DataNames& names_;
  const FramesOf& frames_of_;
  const FramesAt& frames_at_;
};

}  // namespace

void name_blocks(const model::Trace& trace, std::span<const std::size_t> origins, const FramesOf& frames_of,
                 const FramesAt& frames_at, model::Recording& recording) {
  DataNames names(trace);
  for (const std::size_t origin : origins) {
    const model::TraceOutstanding& row = trace.outstanding[origin];
    names.want(row.type);
    for (const TraceHolder& holder : row.holders) {
      names.want(holder.at);
      names.want(holder.type);
    }
  }
  names.look_up();
  const Words words(trace, names, frames_of, frames_at);
  for (std::size_t i = 0; i < recording.blocks.size() && i < origins.size(); ++i) {
    const model::TraceOutstanding& row = trace.outstanding[origins[i]];
    model::BlockGroup& group = recording.blocks[i];
    group.type = class_name(names.of(row.type)).name;
    if (row.cycle && row.kind == model::Kind::definitely_lost) {
      group.retained_by.push_back(words.cycle(row));
      continue;
    }
    for (const TraceHolder& holder : row.holders) {
      group.retained_by.push_back(words.holder(holder));
      if (holder.left_out != 0) group.retained_by.push_back(fmt::format("{} more", holder.left_out));
    }
  }
}

}  // namespace leakgate::pipeline
