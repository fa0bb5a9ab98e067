// SPDX-License-Identifier: Apache-2.0
// Follows DT_NEEDED breadth first as ld.so(8) describes it: RPATH chain, LD_LIBRARY_PATH, RUNPATH, cache,
// default directories; a candidate that is no x86-64 shared object is passed over. musl's simpler rules are
// beside it.
#include "harness/base/library_search.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "harness/base/library_cache.h"

namespace leakgate {
namespace {

constexpr std::size_t kMaxObjects = 1024;
constexpr std::size_t kMaxDirectories = 256;  // per search path
constexpr std::size_t kMaxPathBytes = 4096;

/// An object of the closure and how it came in. Its file is closed again: a closure may be longer than our
/// descriptors.
struct Loaded {
  Loaded(const ElfImage& image, std::string found_at, const Loaded* loaded_by)
      : path(std::move(found_at)),
        loader(loaded_by),
        needed(image.needed()),
        rpath(image.rpath()),
        runpath(image.runpath()),
        no_default_libraries(image.no_default_libraries()) {}

  std::string path;
  const Loaded* loader;
  std::vector<std::string> needed;
  std::string rpath, runpath;
  bool no_default_libraries;
};

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (parts.size() < kMaxDirectories) {
    const std::size_t end = text.find_first_of(separators);
    parts.emplace_back(text.substr(0, end));
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string replaced(std::string text, std::string_view token, const std::string& value) {
  const std::string braced = "${" + std::string(token) + "}";
  const std::string plain = "$" + std::string(token);
  for (const std::string& form : {braced, plain})
    for (std::size_t at = 0; text.size() <= kMaxPathBytes && (at = text.find(form, at)) != text.npos;
         at += value.size())
      text.replace(at, form.size(), value);
  return text;
}

/// `text` with $ORIGIN, $LIB and $PLATFORM replaced. What the last two stand for is built into each ld.so, so
/// all known values are given, the likeliest first.
std::vector<std::string> expand(const std::string& text, const std::string& origin) {
  if (text.find('$') == text.npos) return {text};
  std::vector<std::string> expanded;
  const std::string based = replaced(text, "ORIGIN", origin);
  for (const char* lib : {"lib/x86_64-linux-gnu", "lib64", "lib"})
    for (const char* platform : {"haswell", "x86_64"}) {
      std::string one = replaced(replaced(based, "LIB", lib), "PLATFORM", platform);
      if (one.size() <= kMaxPathBytes && std::find(expanded.begin(), expanded.end(), one) == expanded.end())
        expanded.push_back(std::move(one));
    }
  return expanded;
}

class LibrarySearch {
 public:
  LibrarySearch(const SearchEnvironment& env, std::string working_directory, std::string interpreter)
      : env_(env),
        working_directory_(std::move(working_directory)),
        interpreter_(std::move(interpreter)),
        musl_(interpreter_.find("/ld-musl-") != std::string::npos) {
    if (!musl_) cache_ = LibraryCache::read(env.cache_path);
  }

  std::vector<std::string> run(const ElfImage& exe) {
    objects_.emplace_back(exe, absolute(exe.path()), nullptr);
    const Loaded& root = objects_.front();
    know_interpreter();
    for (const std::string& name : split(env_.ld_preload, ": "))
      if (!name.empty()) load(name, root);
    for (std::size_t i = 0; i < objects_.size(); ++i)
      for (const std::string& name : objects_[i].needed)
        load(name, objects_[i]);
    std::vector<std::string> paths;
    for (std::size_t i = 1; i < objects_.size(); ++i)
      paths.push_back(objects_[i].path);
    paths.push_back(interpreter_);
    return paths;
  }

 private:
  [[nodiscard]] std::string absolute(const std::string& path) const {
    if (path.starts_with('/')) return path;
    return working_directory_ + "/" + path;
  }

  /// The interpreter is there before anything is searched: libraries that need it by name get it, not a
  /// second copy.
  void know_interpreter() {
    struct stat info {};
    if (::stat(interpreter_.c_str(), &info) == 0) inodes_.emplace(info.st_dev, info.st_ino);
    const auto image = ElfImage::open(interpreter_);
    if (image && !image->soname().empty()) known_names_.insert(image->soname());
  }

  void load(const std::string& name, const Loaded& from) {
    if (objects_.size() >= kMaxObjects || known_names_.contains(name)) return;
    known_names_.insert(name);
    if (musl_ && is_musl_itself(name)) return;
    if (name.find('/') != name.npos) {
      for (const std::string& path : expand(name, directory_of(from.path)))
        if (accept(absolute(path), from)) return;
      return;
    }
    for (const auto& attempt : {&LibrarySearch::search_rpath, &LibrarySearch::search_environment,
                                &LibrarySearch::search_runpath, &LibrarySearch::search_system})
      if ((this->*attempt)(name, from)) return;
  }

  /// musl keeps all of libc in its dynamic linker.
  static bool is_musl_itself(const std::string& name) {
    for (const std::string_view self :
         {"libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."})
      if (name.starts_with(self)) return true;
    return false;
  }

  bool search_rpath(const std::string& name, const Loaded& from) {
    if (!from.runpath.empty() && !musl_) return false;
    std::size_t depth = 0;
    for (const Loaded* object = &from; object && depth < kMaxObjects; object = object->loader, ++depth) {
      if (!object->runpath.empty()) continue;  // its RPATH is void
      if (search_path(object->rpath, *object, name, from)) return true;
    }
    return false;
  }

  bool search_environment(const std::string& name, const Loaded& from) {
    if (env_.ld_library_path.empty()) return false;
    for (const std::string& directory : split(env_.ld_library_path, ":;"))
      for (const std::string& one : expand(directory, directory_of(objects_.front().path)))
        if (in_directory(one, name, from)) return true;  // an empty element is the working directory
    return false;
  }

  bool search_runpath(const std::string& name, const Loaded& from) {
    return search_path(from.runpath, from, name, from);
  }

  bool search_system(const std::string& name, const Loaded& from) {
    if (musl_) {
      for (const char* directory :
           {"/lib/x86_64-linux-musl", "/lib", "/usr/local/lib", "/usr/lib/x86_64-linux-musl", "/usr/lib"})
        if (in_directory(directory, name, from)) return true;
      return false;
    }
    if (from.no_default_libraries) return false;
    const auto& entries = cache_.find(name);
    for (const std::string& hwcap : env_.hwcaps)
      for (const LibraryCache::Entry& entry : entries)
        if (entry.hwcap == hwcap && accept(entry.path, from)) return true;
    for (const LibraryCache::Entry& entry : entries)
      if (entry.hwcap.empty() && accept(entry.path, from)) return true;
    for (const std::string& directory : env_.default_directories)
      if (in_directory(directory, name, from)) return true;
    return false;
  }

  bool search_path(const std::string& list, const Loaded& owner, const std::string& name,
                   const Loaded& from) {
    if (list.empty()) return false;
    for (const std::string& directory : split(list, ":"))
      for (const std::string& one : expand(directory, directory_of(owner.path)))
        if (in_directory(one, name, from)) return true;
    return false;
  }

  bool in_directory(const std::string& directory, const std::string& name, const Loaded& from) {
    const std::string base = directory.empty() ? working_directory_ : absolute(directory);
    if (!is_directory(base)) return false;
    if (!musl_ && is_directory(base + "/glibc-hwcaps"))
      for (const std::string& hwcap : env_.hwcaps)
        if (accept(base + "/glibc-hwcaps/" + hwcap + "/" + name, from)) return true;
    return accept(base + "/" + name, from);
  }

  bool is_directory(const std::string& path) {
    const auto known = directories_.find(path);
    if (known != directories_.end()) return known->second;
    struct stat info {};
    const bool answer = ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
    return directories_.emplace(path, answer).first->second;
  }

  /// Takes `path` into the closure if it is a shared object; true also where it is there already.
  bool accept(const std::string& path, const Loaded& from) {
    struct stat info {};
    if (path.size() > kMaxPathBytes || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
      return false;
    const auto identity = std::make_pair(info.st_dev, info.st_ino);
    if (inodes_.contains(identity)) return true;
    auto image = ElfImage::open(path);
    if (!image || image->type() == ElfType::executable) return false;
    inodes_.insert(identity);
    if (!image->soname().empty()) known_names_.insert(image->soname());
    objects_.emplace_back(*image, path, &from);
    return true;
  }

  const SearchEnvironment& env_;
  std::string working_directory_;
  std::string interpreter_;
  bool musl_;
  LibraryCache cache_;
  std::deque<Loaded> objects_;  // a deque: `loader` points into it
  std::set<std::string> known_names_;
  std::set<std::pair<dev_t, ino_t>> inodes_;
  std::map<std::string, bool> directories_;
};

}  // namespace

std::vector<std::string> SearchEnvironment::supported_hwcaps() {
  const bool v2 = __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("sse3") &&
                  __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1") &&
                  __builtin_cpu_supports("sse4.2");
  const bool v3 = v2 && __builtin_cpu_supports("avx") && __builtin_cpu_supports("avx2") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                  __builtin_cpu_supports("fma");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  std::vector<std::string> names;
  if (v4) names.emplace_back("x86-64-v4");
  if (v3) names.emplace_back("x86-64-v3");
  if (v2) names.emplace_back("x86-64-v2");
  return names;
}

Result<std::vector<std::string>> resolve_libraries(const ElfImage& exe, const SearchEnvironment& env) {
  std::string working_directory = env.working_directory;
  if (working_directory.empty()) {
    std::string buffer(kMaxPathBytes, '\0');
    if (::getcwd(buffer.data(), buffer.size())) working_directory = buffer.c_str();
  }
  if (working_directory.empty() && !exe.path().starts_with('/'))
    return Error{ErrorKind::usage, "the directory of '" + exe.path() + "' is not known",
                 "give the program's absolute path", 0};
  // A static program loads nothing; only a program's interpreter brings the dynamic linker in.
  if (exe.interpreter().empty()) return std::vector<std::string>{};
  return LibrarySearch(env, std::move(working_directory), exe.interpreter()).run(exe);
}

}  // namespace leakgate
