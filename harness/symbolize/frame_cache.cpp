// SPDX-License-Identifier: Apache-2.0
// One file per module. All of it is checked when it is read, and none of it is believed when a part is wrong.
#include "harness/symbolize/frame_cache.h"

#include <sys/stat.h>

#include <span>
#include <utility>

namespace leakgate::symbolize {
namespace {

constexpr std::uint64_t kMostBytes = 16u << 20;
constexpr std::size_t kMostAddresses = 30'000;  ///< of a module

/// Whether the build id can be the name of a file.
bool is_usable(const std::string& build_id) {
  constexpr std::size_t kLeast = 16, kMost = 128;
  return build_id.size() >= kLeast && build_id.size() <= kMost &&
         build_id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string name_of(const std::string& build_id) {
  return build_id + ".frames";
}

std::uint64_t ns_of(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
}

/// Nothing but 0 where the module's own debug information names it: its stamp is the module's.
FileStamp stamp_of_debug_file(const std::string& path) {
  return path.empty() ? FileStamp() : stamp_of(path);
}

}  // namespace

FileStamp stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), ns_of(status.st_mtim),
          ns_of(status.st_ctim)};
}

std::optional<FrameFile> FrameCache::load(const std::string& build_id, const FileStamp& module) const {
  const auto cached = directory_.find(name_of(build_id));
  if (!cached || cached->bytes > kMostBytes) return std::nullopt;
  std::vector<char> bytes(cached->bytes);
  if (!cached->read(bytes.data(), bytes.size())) return std::nullopt;
  auto file = FrameFile::read(std::move(bytes));
  if (!file) return std::nullopt;
  const FrameOrigin& origin = file->origin();
  const bool same_debug_file = origin.debug_stamp == stamp_of_debug_file(origin.debug_file) &&
                               (origin.debug_file.empty() || origin.debug_stamp != FileStamp{});
  if (origin.maker != maker_ || origin.module != module || !same_debug_file) return std::nullopt;
  return file;
}

FrameCache::Module* FrameCache::module_of(const ModuleFile& file) {
  // a build id is what whoever makes a file calls it
  const auto [known, is_first] = stamps_.try_emplace(file.original.empty() ? file.to_open() : file.original);
  if (is_first) known->second = stamp_of(known->first);
  const FileStamp& stamp = known->second;
  if (!is_usable(file.build_id) || stamp == FileStamp{}) return nullptr;
  const auto [found, is_new] = modules_.try_emplace(file.build_id);
  Module& module = found->second;
  if (!is_new) return module.origin.module == stamp ? &module : nullptr;
  module.origin = {maker_, stamp, {}, {}};
  module.kept = load(file.build_id, stamp);
  if (module.kept) module.origin = module.kept->origin();
  return &module;
}

std::vector<NamedFrame> FrameCache::find(const ModuleFile& file, std::uint64_t address) {
  const Module* const module = module_of(file);
  if (module == nullptr) return {};
  if (const auto found = module->added.find(address); found != module->added.end()) return found->second;
  return module->kept ? module->kept->find(address) : std::vector<NamedFrame>();
}

bool FrameCache::has(const ModuleFile& file, std::uint64_t address) {
  const Module* const module = module_of(file);
  return module != nullptr &&
         (module->added.contains(address) || (module->kept && module->kept->has(address)));
}

bool FrameCache::knows(const ModuleFile& file) {
  const Module* const module = module_of(file);
  return module != nullptr && (!module->added.empty() || (module->kept && module->kept->size() != 0));
}

void FrameCache::add(const ModuleFile& file, const std::string& debug_file, std::uint64_t address,
                     std::vector<NamedFrame> frames) {
  Module* const module = module_of(file);
  if (module == nullptr || frames.empty()) return;
  FrameOrigin& origin = module->origin;
  const bool is_first = !module->kept && module->added.empty();
  if (is_first || origin.debug_file != debug_file) {
    module->kept.reset();
    module->added.clear();
    origin.debug_file = debug_file;
    origin.debug_stamp = stamp_of_debug_file(debug_file);
  }
  if (!debug_file.empty() && origin.debug_stamp == FileStamp{}) return;
  const std::size_t known = module->added.size() + (module->kept ? module->kept->size() : 0);
  if (known >= kMostAddresses || (module->kept && module->kept->has(address))) return;
  module->added.try_emplace(address, std::move(frames));
}

void FrameCache::store() {
  for (auto& [build_id, module] : modules_) {
    if (module.added.empty()) continue;
    FramesByAddress frames = std::move(module.added);
    module.added.clear();
    if (module.kept) frames.merge(module.kept->all());
    const std::string text = write_frame_file(module.origin, frames);
    if (text.size() <= kMostBytes)
      (void)directory_.replace(name_of(build_id), {std::as_bytes(std::span(text))});
  }
}

}  // namespace leakgate::symbolize
