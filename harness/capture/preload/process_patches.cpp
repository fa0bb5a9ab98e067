// SPDX-License-Identifier: Apache-2.0
// A list of patches is written to the process's region while the process waits.
#include "harness/capture/preload/process_patches.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace leakgate::capture {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kReach = std::uint64_t{1} << 30;  // of a jump, with room to spare
constexpr std::uint64_t kLowest = 1u << 20;

std::uint64_t whole_pages(std::uint64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

/// Free addresses for `bytes` near `address`: the nearest gap below it, where neither the heap nor a library
/// grows.
std::optional<std::uint64_t> find_gap(const std::vector<FileMapping>& maps, std::uint64_t address,
                                      std::uint64_t bytes) {
  std::optional<std::uint64_t> found;
  std::uint64_t end_before = kLowest;
  for (const FileMapping& mapping : maps) {
    if (mapping.start > end_before && mapping.start - end_before >= bytes + 2 * kPage) {
      const std::uint64_t at = mapping.start - bytes - kPage;
      if (mapping.start <= address && address - at < kReach) found = at;
      if (mapping.start > address && !found && at - address < kReach) return at;
    }
    end_before = std::max(end_before, mapping.end);
  }
  return found;
}

void append(std::vector<std::byte>& script, preload::PatchKind kind, std::uint64_t address,
            std::span<const std::uint8_t> content, std::uint64_t room = 0) {
  const preload::Patch patch{kind, static_cast<std::uint32_t>(content.size()), address, room};
  const auto head = std::as_bytes(std::span(&patch, 1));
  const auto body = std::as_bytes(content);
  script.insert(script.end(), head.begin(), head.end());
  script.insert(script.end(), body.begin(), body.end());
  script.resize((script.size() + 7) / 8 * 8);
}

}  // namespace

void ProcessPatches::begin_module(std::uint32_t id, const ElfImage& image) {
  module_ = id;
  image_ = &image;
}

Detour* ProcessPatches::detour_at(std::uint64_t file_offset, bool at_entry) {
  const auto vaddr = image_->vaddr(file_offset);
  auto& detours = modules_[module_].detours;
  const auto known = std::find_if(detours.begin(), detours.end(),
                                  [&](const Detour& other) { return vaddr && other.vaddr == *vaddr; });
  if (known != detours.end()) return &*known;
  auto planned = vaddr ? plan_detour(*image_, *vaddr, at_entry)
                       : Result<Detour>(Error{ErrorKind::unsupported, "no code", "", 0});
  if (planned) return &detours.emplace_back(std::move(*planned));
  ++refused_;
  notes_.push_back(
      fmt::format("{} at {:#x}: {}", image_->path(), vaddr.value_or(0), planned.error().message));
  return nullptr;
}

bool ProcessPatches::can_detour(std::uint64_t file_offset) const {
  const auto vaddr = image_->vaddr(file_offset);
  return vaddr && plan_detour(*image_, *vaddr, false);
}

void ProcessPatches::add_detour(std::uint64_t file_offset, std::uint32_t tells) {
  if (Detour* const detour = detour_at(file_offset, false); detour != nullptr) detour->tells.push_back(tells);
}

void ProcessPatches::add_wrap(std::uint64_t file_offset, std::uint64_t cookie, bool releases) {
  Detour* const detour = detour_at(file_offset, true);
  if (detour == nullptr) return;
  detour->wraps = true;
  detour->releases = releases;
  detour->cookie = cookie;
}

void ProcessPatches::add_query(std::uint64_t presence, std::uint64_t hook) {
  modules_[module_].queries.push_back({presence, hook});
}

void ProcessPatches::patch_module(const Module& module, const lg_mapping& mapping,
                                  const LibraryEntries& entries, std::vector<FileMapping>& maps,
                                  std::vector<std::byte>& script) {
  constexpr std::uint8_t kPresent[] = {1, 0};
  for (const Query& query : module.queries) {
    append(script, preload::kPatchHook, query.hook + mapping.bias, {});
    append(script, preload::kPatchData, query.presence + mapping.bias, kPresent);
  }
  if (module.detours.empty()) return;
  const std::uint64_t room = whole_pages(stub_room(module.detours));
  const auto at = find_gap(maps, mapping.start, room);
  std::vector<std::uint64_t> stubs;
  auto code = at ? build_stubs(module.detours, mapping.bias, *at, entries, stubs)
                 : Result<std::vector<std::uint8_t>>(Error{ErrorKind::unsupported, "no room", "", 0});
  if (!code) {
    refused_ += module.detours.size();
    return;
  }
  append(script, preload::kPatchMap, *at, *code, room);
  for (std::size_t i = 0; i < module.detours.size(); ++i) {
    const std::uint64_t from = module.detours[i].vaddr + module.detours[i].offset + mapping.bias;
    append(script, preload::kPatchText, from, jump_to(from, stubs[i], module.detours[i].length));
  }
  FileMapping taken;
  taken.start = *at;
  taken.end = *at + room;
  maps.insert(std::upper_bound(maps.begin(), maps.end(), taken,
                               [](const auto& a, const auto& b) { return a.start < b.start; }),
              taken);
}

void ProcessPatches::prepare(std::uint32_t index, std::int32_t pid, std::span<const lg_mapping> mappings) {
  auto maps = read_all_maps(task_with_memory(pid));
  if (!maps) return;
  for (const FileMapping& mapping : *maps)
    if (mapping.path == "[stack]") file_->put(index, offsetof(preload::Region, stack_end), mapping.end);
  const preload::Process& image = file_->process(index);
  const LibraryEntries entries{image.hook, image.site_entry, image.site_free};
  std::vector<std::byte> script;
  Done now;
  Done& done = done_[index];
  for (const lg_mapping& mapping : mappings) {
    const auto module = modules_.find(mapping.module);
    if (module == modules_.end() || !now.emplace(mapping.module, mapping.bias).second) continue;
    if (!done.contains({mapping.module, mapping.bias}))
      patch_module(module->second, mapping, entries, *maps, script);
  }
  done = std::move(now);  // what was unmapped is new when it comes back
  if (script.size() + sizeof(preload::Patch) > preload::kPatchBytes) {
    ++refused_;
    return;
  }
  script.resize(script.size() + sizeof(preload::Patch));
  file_->write(index, preload::kPatchesAt, script);
}

void ProcessPatches::fork(std::uint32_t parent, std::uint32_t child) {
  done_[child] = done_[parent];
}

void ProcessPatches::end(std::uint32_t index) {
  done_.erase(index);
}

}  // namespace leakgate::capture
