// SPDX-License-Identifier: Apache-2.0
// Tells vtables by their shape. In: the mappings and memory of a held process. Out: whether an object's first
// word points at a vtable as the Itanium C++ ABI lays it out; and the module address of a run-time address.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>

#include "harness/model/held_process.h"

namespace leakgate::classify {

class Vtables {
 public:
  explicit Vtables(const model::HeldProcess& held) : held_(held) {}

  /// Whether the word at `address` is the first function of a vtable: in a module's data, with code behind it
  /// and a type description, or none, before it. From several threads at once.
  [[nodiscard]] bool is_vtable(std::uint64_t address) const;

  /// The module and its own address; without module where the address is in none.
  [[nodiscard]] model::ModuleAddress locate(std::uint64_t address) const;

 private:
  static constexpr std::uint64_t kPage = 4096;
  using Page = std::array<std::uint64_t, kPage / 8>;

  [[nodiscard]] const model::HeldMapping* mapping_of(std::uint64_t address) const;
  /// False: cannot be read.
  bool read(std::uint64_t address, std::span<std::uint64_t> words) const;

  const model::HeldProcess& held_;
  mutable std::mutex mutex_;
  /// What was read of modules' data: a program's vtables stand close together. Null: cannot be read whole.
  mutable std::unordered_map<std::uint64_t, std::unique_ptr<const Page>> pages_;
};

}  // namespace leakgate::classify
