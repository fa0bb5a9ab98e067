// SPDX-License-Identifier: Apache-2.0
// The rules: the dynamic linker's own records and thread control blocks, stdio's buffers, what a runtime
// library's start-up code keeps (libstdc++'s emergency pool for exceptions).
#include "harness/judge/runtime_memory.h"

#include <algorithm>
#include <array>
#include <string>

namespace leakgate::judge {
namespace {

/// Without glibc's prefix for internal aliases and leading underscores: "__GI__IO_file_doallocate" is
/// "IO_file_doallocate".
std::string bare_name(const model::VerdictFrame& frame) {
  std::string name(qualified_name(frame.function));
  if (name.starts_with("__GI_")) name.erase(0, 5);
  name.erase(0, std::min(name.find_first_not_of('_'), name.size()));
  return name;
}

bool is_c_library(std::string_view module) {
  return module == "libc.so" || module.starts_with("ld-linux");
}

/// ld.so's own code, or what of it is linked into libc and static programs; not the frames that call a
/// library's constructors on its behalf.
bool is_dynamic_linker(const model::VerdictFrame& frame, std::string_view name, std::string_view module) {
  if (name == "call_init" || name == "dl_init" || name == "dl_start_user") return false;
  // in static programs it has no file of its own, but its names are reserved ones
  return module.starts_with("ld-linux") || frame.function.starts_with("_dl_") ||
         frame.function.starts_with("_dlfo_") || name == "allocate_dtv";
}

/// Functions of the C library that fill tables of its own and keep them until the process ends, whoever
/// calls.
bool fills_own_tables(std::string_view name) {
  constexpr auto kFunctions = std::to_array<std::string_view>(
      {"setlocale", "tzset", "localtime", "mktime", "bindtextdomain", "textdomain", "bind_textdomain_codeset",
       "dcgettext", "dcngettext", "dcigettext", "gconv_find_shlib", "gconv_load_cache", "gconv_load_conf",
       "getpwnam", "getpwuid", "getgrnam", "getgrgid", "getservbyname", "gethostbyname", "nl_langinfo",
       // every value that was ever set, in a tree whose pointers bear a mark in their lowest bit
       "setenv", "putenv", "add_to_environ"});
  return std::find(kFunctions.begin(), kFunctions.end(), name) != kFunctions.end();
}

/// What an allocator sets up for itself through its own functions: gperftools' start-up objects, wherever
/// they are linked.
bool is_allocator_start_up(std::string_view name) {
  return name.starts_with("TCMallocGuard::") || name.starts_with("MallocExtension::");
}

/// A sanitizer's runtime, in a library or linked in: its names are reserved ones.
bool is_sanitizer(std::string_view function) {
  constexpr auto kNamespaces = std::to_array<std::string_view>(
      {"__asan", "__hwasan", "__lsan", "__msan", "__tsan", "__ubsan", "__sanitizer"});
  return std::any_of(kNamespaces.begin(), kNamespaces.end(), [&](std::string_view start) {
    return function.starts_with(start) && function.substr(start.size()).starts_with("::");
  });
}

bool begins_thread(std::string_view name) {
  return name == "clone" || name == "clone3" || name == "start_thread";
}

bool is_allocator_library(std::string_view module) {
  return module == "libjemalloc.so" || module == "libmimalloc.so" || module.starts_with("libtcmalloc");
}

}  // namespace

bool is_runtime_library(std::string_view module) {
  return is_c_library(module) || module == "libstdc++.so" || module == "libgcc_s.so" ||
         module == "libc++.so" || module == "libc++abi.so";
}

std::string_view allocating_runtime(const std::vector<model::VerdictFrame>& stack,
                                    const std::vector<FrameOwner>& owners, bool truncated) {
  const auto own = std::find_if(owners.begin(), owners.end(), [](FrameOwner owner) {
    return owner != FrameOwner::allocator && owner != FrameOwner::standard_library;
  });
  if (own != owners.end() && is_sanitizer(stack[static_cast<std::size_t>(own - owners.begin())].function))
    return "the sanitizer";
  for (std::size_t i = 0; i < stack.size(); ++i) {
    if (owners[i] == FrameOwner::allocator) continue;
    const std::string name = bare_name(stack[i]);
    const std::string module = module_name(stack[i].module);
    if (is_dynamic_linker(stack[i], name, module)) return "the dynamic linker";
    if (is_allocator_start_up(name)) return "the allocator";
    // libstdc++'s emergency pool, in a static program
    if (name == "GLOBAL__sub_I_eh_alloc.cc") return "the C++ runtime";
    if (name == "IO_file_doallocate") return "stdio";
    break;
  }
  // the frames inside the C library: the last of them is the function that was called
  for (std::size_t i = 0; i < stack.size() && is_c_library(module_name(stack[i].module)); ++i)
    if (fills_own_tables(bare_name(stack[i]))) return "the C library";
  // A stack that never leaves the runtime libraries and ends where it should is their start-up code; but a
  // thread of theirs may work for the program, as those of getaddrinfo_a do.
  const bool start_up =
      !stack.empty() && !truncated &&
      (!begins_thread(bare_name(stack.back())) || is_allocator_library(module_name(stack.front().module))) &&
      std::all_of(stack.begin(), stack.end(), [](const model::VerdictFrame& frame) {
        const std::string module = module_name(frame.module);
        return is_runtime_library(module) || is_allocator_library(module);
      });
  if (!start_up) return "";
  return is_allocator_library(module_name(stack.front().module)) ? "the allocator" : "the C++ runtime";
}

}  // namespace leakgate::judge
