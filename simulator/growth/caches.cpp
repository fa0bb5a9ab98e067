// SPDX-License-Identifier: Apache-2.0
// Family caches: by key, bounded by their keys, by their places, or by nothing.
#include <bitset>

#include "simulator/growth/held.h"

namespace leakgate::simulator {
namespace {

HeldList answers[2];

LEAKGATE_SIM_NOINLINE char* answer(std::size_t bytes) {
  return new char[bytes];
}

/// New keys in each round; or the same ones, met for the first time in the first few rounds.
void answer_cache(Repetition& now) {
  const std::uint32_t filling = 1 + now.chosen(1, 3);
  for (std::uint32_t i = 0; i < now.count(); ++i) {
    const std::size_t bytes = now.bytes();
    if (now.grows() || now.round() < filling) answers[now.twin()].add(answer(bytes), bytes);
  }
}

constexpr std::size_t kMostKeys = 40;
HeldList by_key[2];
std::bitset<kMostKeys> known_keys;

LEAKGATE_SIM_NOINLINE char* looked_up(std::size_t bytes) {
  return new char[bytes];
}

/// Random keys: of few, all of which are known in the end; or every second one was never seen before.
void random_keys(Repetition& now) {
  const std::uint32_t keys = 8 + now.chosen(1, kMostKeys - 8);
  const std::uint32_t lookups = keys * (1 + now.chosen(2, 2));
  for (std::uint32_t i = 0; i < lookups; ++i) {
    const std::size_t bytes = now.bytes();
    const std::uint32_t key = now.draw(keys);
    if (now.grows() ? now.draw(2) == 0 : !known_keys[key]) by_key[now.twin()].add(looked_up(bytes), bytes);
    if (!now.grows()) known_keys.set(key);
  }
}

HeldList chains;
HeldRing slots;

LEAKGATE_SIM_NOINLINE char* slot_entry(std::size_t bytes) {
  return new char[bytes];
}

/// A table by hash: what is there is thrown out for the new one; or is chained behind it.
void hash_slots(Repetition& now) {
  const std::uint32_t inserted = 3 + now.count();
  const std::uint32_t places = 2 + now.chosen(1, 2 * inserted - 2);
  for (std::uint32_t i = 0; i < inserted; ++i) {
    const std::size_t bytes = now.bytes();
    char* entry = slot_entry(bytes);
    if (now.grows())
      chains.add(entry, bytes);
    else
      slots.put(entry, bytes, now.draw(places));
  }
}

constexpr GrowthCase kCases[] = {
    {"answer_cache", "caches", "a cache whose keys never come again",
     "a cache of few keys fills in up to three rounds", "answer", answer_cache},
    {"random_keys", "caches", "every second key is a new one",
     "random keys of few: fewer new ones in each round", "looked_up", random_keys},
    {"hash_slots", "caches", "a hash table chains what it should replace",
     "a hash table throws out what is in the way", "slot_entry", hash_slots},
};

}  // namespace

std::span<const GrowthCase> cache_cases() {
  return kCases;
}

}  // namespace leakgate::simulator
