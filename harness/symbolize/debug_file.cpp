// SPDX-License-Identifier: Apache-2.0
// The search for separate debug files; see debug_file.h. The order is gdb's: build id, debug link,
// debuginfod.
#include "harness/symbolize/debug_file.h"

#include <string_view>

#include "harness/symbolize/debuginfod.h"

namespace leakgate::symbolize {
namespace {

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::unique_ptr<ElfFile> open_or_null(const std::string& path, const FileLimits& limits) {
  auto file = ElfFile::open(path, limits);
  return file ? std::move(file).value() : nullptr;
}

std::unique_ptr<ElfFile> find_by_build_id(const std::string& build_id, const DebugFileOptions& options,
                                          const FileLimits& limits) {
  if (build_id.size() < 4) return nullptr;
  for (const std::string& root : options.debug_roots) {
    auto file = open_or_null(
        root + "/.build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2) + ".debug", limits);
    if (file && file->build_id() == build_id) return file;
  }
  return nullptr;
}

std::unique_ptr<ElfFile> find_by_link(const ElfFile& module, const std::string& module_path,
                                      const DebugFileOptions& options, const FileLimits& limits) {
  const auto link = module.debug_link();
  if (!link) return nullptr;
  const std::string opened_in = directory_of(module.path());
  std::vector<std::string> candidates{opened_in + "/" + link->name, opened_in + "/.debug/" + link->name};
  for (const std::string& root : options.debug_roots) {
    candidates.push_back(root + directory_of(module_path) + "/" + link->name);
  }
  for (const std::string& candidate : candidates) {
    auto file = open_or_null(candidate, limits);
    if (!file) continue;
    if (!module.build_id().empty() && !file->build_id().empty() && module.build_id() != file->build_id())
      continue;
    if (file->crc() == link->crc) return file;
  }
  return nullptr;
}

std::unique_ptr<ElfFile> find_by_debuginfod(const std::string& build_id, const DebugFileOptions& options,
                                            const FileLimits& limits) {
  if (!options.become_user || build_id.empty()) return nullptr;
  std::string path;
  Descriptor descriptor = fetch_from_debuginfod(build_id, options.become_user, path);
  if (!descriptor) return nullptr;
  auto file = ElfFile::adopt(std::move(descriptor), path, limits);
  if (!file || (*file)->build_id() != build_id) return nullptr;
  return std::move(file).value();
}

}  // namespace

std::unique_ptr<ElfFile> find_debug_file(const ElfFile& module, const std::string& module_path,
                                         const DebugFileOptions& options, const FileLimits& limits) {
  if (auto file = find_by_build_id(module.build_id(), options, limits)) return file;
  if (auto file = find_by_link(module, module_path, options, limits)) return file;
  return find_by_debuginfod(module.build_id(), options, limits);
}

std::unique_ptr<ElfFile> find_alternate_file(const ElfFile& debug_file, const std::string& link_name,
                                             const std::string& link_build_id,
                                             const DebugFileOptions& options, const FileLimits& limits) {
  if (link_name.empty() || link_build_id.empty()) return nullptr;
  if (auto file = find_by_build_id(link_build_id, options, limits)) return file;
  std::vector<std::string> candidates;
  if (link_name.front() == '/') {
    candidates.push_back(link_name);
  } else {
    candidates.push_back(directory_of(debug_file.path()) + "/" + link_name);
  }
  // Debian ships relative links that count from the debug file's place; the shared files all live in .dwz.
  const auto dwz = link_name.rfind("/.dwz/");
  for (const std::string& root : options.debug_roots) {
    if (dwz != std::string::npos) candidates.push_back(root + link_name.substr(dwz));
  }
  for (const std::string& candidate : candidates) {
    auto file = open_or_null(candidate, limits);
    if (file && file->build_id() == link_build_id) return file;
  }
  return nullptr;
}

}  // namespace leakgate::symbolize
