// SPDX-License-Identifier: Apache-2.0
// A held process that a test makes up.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <span>
#include <vector>

#include "harness/classify/moment.h"
#include "harness/model/held_process.h"

namespace leakgate::classify {

using model::HeldMapping;
using model::MappingKind;

/// A process of a few pages: mappings are made as they are asked for.
class FakeProcess {
 public:
  FakeProcess() {
    held.process = 0;
    held.read = [this](std::uint64_t address, std::span<std::byte> out) { return read(address, out); };
    held.next_touched = [](std::uint64_t from, std::uint64_t) { return from; };
  }
  FakeProcess(const FakeProcess&) = delete;

  HeldMapping& map(std::uint64_t start, std::uint64_t bytes, MappingKind kind) {
    memory_[start].resize(bytes);
    HeldMapping mapping;
    mapping.start = start;
    mapping.end = start + bytes;
    mapping.readable = mapping.writable = true;
    mapping.kind = kind;
    if (kind == MappingKind::file) mapping.module = 0;
    const auto at = std::find_if(held.mappings.begin(), held.mappings.end(),
                                 [&](const HeldMapping& other) { return other.start > start; });
    return *held.mappings.insert(at, mapping);
  }
  void put(std::uint64_t address, std::uint64_t word) {
    auto found = --memory_.upper_bound(address);
    std::memcpy(found->second.data() + (address - found->first), &word, sizeof word);
  }
  void block(std::uint64_t address, std::uint64_t bytes, std::uint32_t stack = 1) {
    model::HeldBlock row;
    row.address = address;
    row.size_bytes = bytes;
    row.stack = stack;
    held.blocks.push_back(row);
  }
  model::HeldThread& thread(std::uint64_t stack_pointer) {
    model::HeldThread row;
    row.tid = static_cast<std::int32_t>(held.threads.size()) + 1;
    row.stack_pointer = stack_pointer;
    return held.threads.emplace_back(row);
  }
  model::Kind kind(std::size_t block = 0) const { return classify_held(held, false).kinds.at(block); }

  model::HeldProcess held;

 private:
  std::size_t read(std::uint64_t address, std::span<std::byte> out) const {
    auto found = memory_.upper_bound(address);
    if (found == memory_.begin()) return 0;
    --found;
    const std::uint64_t offset = address - found->first;
    if (offset >= found->second.size()) return 0;
    const std::size_t bytes = std::min<std::size_t>(out.size(), found->second.size() - offset);
    std::memcpy(out.data(), found->second.data() + offset, bytes);
    return bytes;
  }
  std::map<std::uint64_t, std::vector<std::byte>> memory_;
};

}  // namespace leakgate::classify
