// SPDX-License-Identifier: Apache-2.0
// Choices from a seed, and the list of all cases. See repetition.h.
#include "simulator/growth/repetition.h"

#include <array>
#include <vector>

namespace leakgate::simulator {
namespace {

/// One well mixed number of another (the finaliser of SplitMix64).
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

constexpr std::array<std::uint32_t, 4> kTypicalBytes = {24, 96, 400, 1500};

}  // namespace

Repetition::Repetition(bool grows, std::uint32_t round, std::uint64_t seed, std::uint32_t salt)
    : grows_(grows),
      round_(round),
      seed_(mixed(seed * 1000 + salt)),
      state_(mixed(seed_ + 77 * (round + 1))),
      sizes_(state_, kTypicalBytes[mixed(seed_) % kTypicalBytes.size()]) {}

std::uint32_t Repetition::chosen(std::uint32_t which, std::uint32_t below) const {
  return static_cast<std::uint32_t>(mixed(seed_ ^ (0x100u + which)) % below);
}

std::uint32_t Repetition::draw(std::uint32_t below) {
  state_ = mixed(state_);
  return static_cast<std::uint32_t>((state_ >> 8) % below);
}

std::span<const GrowthCase> growth_cases() {
  static const std::vector<GrowthCase> all = [] {
    std::vector<GrowthCase> cases;
    for (const auto family : {cache_cases(), history_cases(), table_cases(), registry_cases()})
      cases.insert(cases.end(), family.begin(), family.end());
    return cases;
  }();
  return all;
}

}  // namespace leakgate::simulator
