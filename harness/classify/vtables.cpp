// SPDX-License-Identifier: Apache-2.0
// A vtable: offset to top, type description, functions (Itanium C++ ABI 2.5). Objects point at the functions.
#include "harness/classify/vtables.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace leakgate::classify {

const model::HeldMapping* Vtables::mapping_of(std::uint64_t address) const {
  auto next = std::upper_bound(
      held_.mappings.begin(), held_.mappings.end(), address,
      [](std::uint64_t at, const model::HeldMapping& mapping) { return at < mapping.start; });
  if (next == held_.mappings.begin()) return nullptr;
  --next;
  return address < next->end ? &*next : nullptr;
}

bool Vtables::read(std::uint64_t address, std::span<std::uint64_t> words) const {
  constexpr std::size_t kMostPages = 4096;
  const std::uint64_t at = address % kPage;
  if (at % 8 == 0 && at + words.size_bytes() <= kPage) {
    const std::lock_guard lock(mutex_);
    auto known = pages_.find(address - at);
    if (known == pages_.end() && pages_.size() < kMostPages) {
      auto page = std::make_unique<Page>();
      const bool whole = held_.read(address - at, std::as_writable_bytes(std::span(*page))) == kPage;
      known = pages_.emplace(address - at, whole ? std::move(page) : nullptr).first;
    }
    if (known != pages_.end() && known->second) {
      std::copy_n(known->second->begin() + static_cast<std::ptrdiff_t>(at / 8), words.size(), words.begin());
      return true;
    }
  }
  return held_.read(address, std::as_writable_bytes(words)) == words.size_bytes();
}

bool Vtables::is_vtable(std::uint64_t address) const {
  const model::HeldMapping* mapping = mapping_of(address);
  if (mapping == nullptr || mapping->module == model::kNone || mapping->executable || !mapping->readable)
    return false;
  if (address - mapping->start < 16 || mapping->end - address < 8) return false;
  std::array<std::uint64_t, 3> words{};  // offset to top, type description, first function
  if (!read(address - 16, words)) return false;
  const auto offset_to_top = static_cast<std::int64_t>(words[0]);
  if (offset_to_top > 0 || offset_to_top < -(std::int64_t{1} << 30)) return false;
  if (words[1] != 0) {
    const model::HeldMapping* type = mapping_of(words[1]);
    if (type == nullptr || type->module == model::kNone || type->executable) return false;
  }
  const model::HeldMapping* code = mapping_of(words[2]);
  return code != nullptr && code->executable;
}

model::ModuleAddress Vtables::locate(std::uint64_t address) const {
  const model::HeldMapping* mapping = mapping_of(address);
  if (mapping == nullptr || mapping->module == model::kNone) return {};
  return {mapping->module, address - mapping->bias};
}

}  // namespace leakgate::classify
