// SPDX-License-Identifier: Apache-2.0
// Tables of names, and the little parsing that makes demangled names comparable with them; see site.h.
#include "harness/judge/site.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "harness/base/text.h"

namespace leakgate::judge {
namespace {

using model::Framework;
using model::VerdictFrame;

constexpr auto kAllocators = std::to_array<std::string_view>({"malloc",
                                                              "calloc",
                                                              "realloc",
                                                              "reallocarray",
                                                              "aligned_alloc",
                                                              "posix_memalign",
                                                              "memalign",
                                                              "valloc",
                                                              "pvalloc",
                                                              "free",
                                                              "cfree",
                                                              "strdup",
                                                              "strndup",
                                                              "wcsdup",
                                                              "asprintf",
                                                              "vasprintf",
                                                              "asprintf_chk",
                                                              "vasprintf_chk",
                                                              "getline",
                                                              "getdelim",
                                                              "IO_getdelim",
                                                              "IO_vasprintf",
                                                              "libc_malloc",
                                                              "libc_calloc",
                                                              "libc_realloc",
                                                              "libc_memalign",
                                                              "libc_valloc",
                                                              "libc_pvalloc",
                                                              "libc_reallocarray",
                                                              "strdupa",
                                                              "mbsdup_dbcs"});

constexpr auto kRuntime = std::to_array<std::string_view>(
    {"_start", "__libc_start_main", "__libc_start_main_impl", "__libc_start_call_main", "__libc_csu_init",
     "call_init", "call_init.part.0", "_dl_init", "_dl_start_user", "_dl_start", "start_thread", "clone",
     "clone3", "__clone", "__clone3", "__clone_internal", "thread_start", "_GLOBAL__sub_I_main"});

constexpr auto kLibraryNamespaces = std::to_array<std::string_view>(
    {"std::", "__gnu_cxx::", "__gnu_debug::", "__gnu_parallel::", "__cxxabiv1::", "abi::"});

constexpr auto kLibraryModules = std::to_array<std::string_view>(
    {"libc.so", "libc.musl-x86_64.so", "ld-musl-x86_64.so", "ld-musl-aarch64.so", "libstdc++.so", "libm.so",
     "libmvec.so", "libgcc_s.so", "libpthread.so", "libdl.so", "librt.so", "libc++.so", "libc++abi.so",
     "libjemalloc.so", "libtcmalloc.so", "libtcmalloc_minimal.so", "libmimalloc.so"});

struct FrameworkRule {
  Framework framework;
  std::string_view prefix;
};

constexpr auto kFrameworkNamespaces =
    std::to_array<FrameworkRule>({{Framework::gtest, "testing::"},
                                  {Framework::catch2, "Catch::"},
                                  {Framework::doctest, "doctest::"},
                                  {Framework::boost_test, "boost::unit_test::"},
                                  {Framework::boost_test, "boost::test_tools::"},
                                  {Framework::boost_test, "boost::debug::"},
                                  {Framework::boost_test, "boost::execution_monitor::"}});

constexpr auto kFrameworkModules =
    std::to_array<FrameworkRule>({{Framework::gtest, "libgtest"},
                                  {Framework::gtest, "libgmock"},
                                  {Framework::catch2, "libCatch2"},
                                  {Framework::boost_test, "libboost_unit_test_framework"},
                                  {Framework::boost_test, "libboost_prg_exec_monitor"},
                                  {Framework::boost_test, "libboost_test_exec_monitor"}});

template <typename List>
bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

template <typename List>
bool starts_with_any(const List& list, std::string_view name) {
  return std::any_of(list.begin(), list.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::string_view trim_right(std::string_view text) {
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

/// Without ".12" at the end, by which compilers tell functions of one name apart.
std::string_view drop_counter(std::string_view name) {
  const auto last = name.find_last_not_of("0123456789");
  const bool is_counter = last != std::string_view::npos && last > 0 && last + 1 < name.size();
  return is_counter && name[last] == '.' ? name.substr(0, last) : name;
}

/// Without " [clone .x]", "[abi:cxx11]" at the end, and without compilers' suffixes: everything from the
/// first of them on.
std::string_view drop_suffixes(std::string_view name) {
  name = trim_right(name);
  while (name.ends_with(']')) {
    const auto open = name.rfind('[');
    if (open == std::string_view::npos) break;
    const auto inside = name.substr(open);
    if (!inside.starts_with("[clone") && !inside.starts_with("[abi:")) break;
    name = trim_right(name.substr(0, open));
  }
  if (name.find('.') == std::string_view::npos) return name;
  for (const std::string_view suffix : {".isra.", ".constprop.", ".part.", ".cold", ".lto_priv.", ".llvm."})
    if (const auto at = name.find(suffix); at != std::string_view::npos && at > 0) name = name.substr(0, at);
  return drop_counter(name);
}

/// Without the parameter list at the end, and what qualifies a member function after it.
std::string_view drop_parameters(std::string_view name) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view word : {" const", " volatile", " &&", " &", " noexcept"})
      if (name.ends_with(word)) name = trim_right(name.substr(0, name.size() - word.size())), again = true;
  }
  if (!name.ends_with(')')) return name;
  std::size_t depth = 0;
  for (std::size_t i = name.size(); i-- > 0;) {
    if (name[i] == ')') ++depth;
    if (name[i] == '(' && --depth == 0) {
      const bool is_call_operator = name.substr(0, i).ends_with("operator") && name.size() - i == 2;
      const bool is_anonymous = name.substr(i) == "(anonymous namespace)";
      return i == 0 || is_call_operator || is_anonymous ? name : trim_right(name.substr(0, i));
    }
  }
  return name;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Where the name proper begins: after the last space outside brackets that stands before an operator's name.
std::size_t name_start(std::string_view name) {
  std::size_t start = 0;
  int depth = 0;
  const std::size_t length = name.find(' ') == std::string_view::npos ? 0 : name.size();
  for (std::size_t i = 0; i < length; ++i) {
    const char c = name[i];
    if (c == '<' || c == '(' || c == '{' || c == '[') ++depth;
    if (c == '>' || c == ')' || c == '}' || c == ']') --depth;
    if (depth != 0) continue;
    const bool word_begins = i == 0 || !is_word(name[i - 1]);
    if (word_begins && name.substr(i).starts_with("operator") &&
        (i + 8 == name.size() || !is_word(name[i + 8])))
      break;
    if (c == ' ') start = i + 1;
  }
  while (start < name.size() && (name[start] == '*' || name[start] == '&'))
    ++start;
  return start;
}

Framework framework_by_names(std::string_view function, std::string_view module) {
  for (const auto& rule : kFrameworkNamespaces)
    if (function.starts_with(rule.prefix)) return rule.framework;
  if (!module.ends_with(".so")) return Framework::none;
  for (const auto& rule : kFrameworkModules)
    if (module.starts_with(rule.prefix)) return rule.framework;
  return Framework::none;
}

/// Namespace testing has users' helpers in it as well, and in some programs nothing of GoogleTest's, all of
/// whose files are named for it. Without a file the name has to do.
bool is_of_frameworks_file(Framework framework, std::string_view file) {
  const std::string_view name = base_name(file);
  return framework != Framework::gtest || name.empty() || name.starts_with("gtest") ||
         name.starts_with("gmock");
}

bool is_operator_new(std::string_view name) {
  const auto at = name.rfind("operator ");
  if (at == std::string_view::npos || (at != 0 && !name.substr(0, at).ends_with("::"))) return false;
  const auto rest = name.substr(at + 9);
  return rest == "new" || rest == "new[]" || rest == "delete" || rest == "delete[]";
}

bool is_allocator(std::string_view name) {
  auto bare = name;
  while (bare.starts_with('_'))
    bare.remove_prefix(1);
  return contains(kAllocators, bare) || is_operator_new(name);
}

/// Inlined functions that debug information of -g1 names without their namespace.
bool is_nameless_library_code(std::string_view function, std::string_view file) {
  return file.find("/include/c++/") != file.npos &&
         function.substr(0, function.find_first_of("(<")).find("::") == function.npos;
}

/// Headers of installed libraries (Boost, Abseil, fmt): their inline functions and templates are in the
/// user's binary, and nobody mends a leak there.
bool is_system_header(std::string_view file) {
  return file.starts_with("/usr/include/") || file.starts_with("/usr/local/include/") ||
         (file.starts_with("/usr/lib/") && file.find("/include/") != file.npos);
}

}  // namespace

std::string_view qualified_name(std::string_view function) {
  std::string_view name = drop_suffixes(drop_parameters(drop_suffixes(function)));
  return name.substr(name_start(name));
}

std::string module_name(std::string_view path) {
  std::string_view name = base_name(path);
  const auto so = name.find(".so");
  const bool is_library = so != std::string_view::npos && (so + 3 == name.size() || name[so + 3] == '.');
  if (!is_library) return std::string(name);
  std::string_view stem = name.substr(0, so);
  // libc-2.31.so: glibc's older naming.
  const auto digit_tail = stem.find_last_not_of("0123456789.");
  if (digit_tail != std::string_view::npos && digit_tail + 1 < stem.size() && stem[digit_tail] == '-')
    stem = stem.substr(0, digit_tail);
  return std::string(stem) + ".so";
}

Framework framework_of(const VerdictFrame& frame) {
  return framework_by_names(qualified_name(frame.function), module_name(frame.module));
}

FrameOwner owner_of(const VerdictFrame& frame) {
  const std::string_view name = qualified_name(frame.function);
  if (contains(kRuntime, name)) return FrameOwner::runtime;
  if (is_allocator(name)) return FrameOwner::allocator;
  if (starts_with_any(kLibraryNamespaces, name) || is_nameless_library_code(name, frame.file))
    return FrameOwner::standard_library;
  const std::string module = module_name(frame.module);
  if (contains(kLibraryModules, module)) return FrameOwner::standard_library;
  if (module.starts_with("ld-linux")) return FrameOwner::runtime;
  return framework_by_names(name, module) != Framework::none ? FrameOwner::framework : FrameOwner::user;
}

std::vector<FrameOwner> owners_of(const std::vector<VerdictFrame>& stack) {
  std::vector<FrameOwner> owners;
  owners.reserve(stack.size());
  for (const auto& frame : stack)
    owners.push_back(owner_of(frame));
  return owners;
}

std::size_t find_site(const std::vector<VerdictFrame>& stack, const std::vector<FrameOwner>& owners) {
  for (std::size_t i = 0; i < stack.size(); ++i)
    if (owners[i] == FrameOwner::user && !is_system_header(stack[i].file)) return i;
  const auto own = std::find(owners.begin(), owners.end(), FrameOwner::user);
  if (own != owners.end()) return static_cast<std::size_t>(own - owners.begin());
  const auto with_file =
      std::find_if(stack.begin(), stack.end(), [](const auto& frame) { return !frame.file.empty(); });
  return with_file == stack.end() ? 0 : static_cast<std::size_t>(with_file - stack.begin());
}

Framework allocating_framework(const std::vector<VerdictFrame>& stack,
                               const std::vector<FrameOwner>& owners) {
  for (std::size_t i = 0; i < stack.size(); ++i) {
    if (owners[i] == FrameOwner::allocator || owners[i] == FrameOwner::standard_library) continue;
    if (owners[i] != FrameOwner::framework) return Framework::none;
    const Framework framework = framework_of(stack[i]);
    return is_of_frameworks_file(framework, stack[i].file) ? framework : Framework::none;
  }
  return Framework::none;
}

std::string_view display_name(Framework framework) {
  switch (framework) {
    case Framework::gtest:
      return "GoogleTest";
    case Framework::catch2:
      return "Catch2";
    case Framework::doctest:
      return "doctest";
    case Framework::boost_test:
      return "Boost.Test";
    case Framework::none:
      break;
  }
  return "no framework";
}

}  // namespace leakgate::judge
