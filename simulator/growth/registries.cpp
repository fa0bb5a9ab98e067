// SPDX-License-Identifier: Apache-2.0
// Family registries: what is entered, handed out, and given back, or not.
#include <map>

#include "simulator/growth/held.h"

namespace leakgate::simulator {
namespace {

using Listeners = std::map<std::uint32_t, std::array<char, 40>>;
Listeners* listeners[2] = {nullptr, nullptr};

LEAKGATE_SIM_NOINLINE void add_listener(Listeners& to, std::uint32_t key) {
  to.try_emplace(key);
}

/// Entered in each round; removed at the next one's begin, or never.
void listener_registry(Repetition& now) {
  Listeners*& mine = listeners[now.twin()];
  if (mine == nullptr) mine = new Listeners();
  if (!now.grows()) mine->clear();
  for (std::uint32_t i = 0; i < now.count(); ++i)
    add_listener(*mine, now.round() * 1000 + i);
}

struct Pooled {
  Pooled* next;
  char body[56];
};

Pooled* free_objects[2] = {nullptr, nullptr};
Pooled* forgotten = nullptr;

LEAKGATE_SIM_NOINLINE Pooled* new_object() {
  return new Pooled{nullptr, {}};
}

Pooled* take(Pooled*& pool) {
  if (pool == nullptr) return new_object();
  return std::exchange(pool, pool->next);
}

void give(Pooled*& pool, Pooled* object) {
  object->next = std::exchange(pool, object);
}

/// So many objects at once as there never were before make the pool larger; in the careless twin, so do
/// those that nobody gave back.
void object_pool(Repetition& now) {
  const std::uint32_t wanted = 8 * now.count() + now.draw(now.count() / 2 + 1);
  Pooled* in_use = nullptr;
  for (std::uint32_t i = 0; i < wanted; ++i)
    give(in_use, take(free_objects[now.twin()]));
  for (std::uint32_t i = 0; in_use != nullptr; ++i) {
    Pooled* object = take(in_use);
    give(now.grows() && i < now.count() ? forgotten : free_objects[now.twin()], object);
  }
}

HeldList drops;
HeldRing last_drops;

LEAKGATE_SIM_NOINLINE char* drop_of(std::size_t bytes) {
  return new char[bytes];
}

/// Many blocks come and go; one of each round stays, or those of the last two rounds do.
void slow_drip(Repetition& now) {
  for (std::uint32_t i = 0; i < 300; ++i) {
    const std::size_t bytes = i == 0 ? 9 : now.bytes();
    char* drop = drop_of(bytes);
    if (i > 0)
      release(drop);
    else if (now.grows())
      drops.add(drop, bytes);
    else
      last_drops.add(drop, bytes, 2);
  }
}

constexpr GrowthCase kCases[] = {
    {"listener_registry", "registries", "listeners are entered and never removed",
     "listeners are removed when the next round begins", "add_listener", listener_registry},
    {"object_pool", "registries", "objects of a pool are not given back, so that it makes others",
     "a pool grows to the most that was ever in use", "new_object", object_pool},
    {"slow_drip", "registries", "of three hundred small blocks one stays, in each round",
     "of three hundred small blocks one stays for two rounds", "drop_of", slow_drip},
};

}  // namespace

std::span<const GrowthCase> registry_cases() {
  return kCases;
}

}  // namespace leakgate::simulator
