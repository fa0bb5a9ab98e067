// SPDX-License-Identifier: Apache-2.0
// Family growth: how memory grows over the rounds. Where the leaking twin's growth stays behind a global, its
// blocks are still reachable, and only the repetition tells; where it is dropped, they are lost.
#include <array>

#include "simulator/scenarios/parts.h"

namespace leakgate::simulator {
namespace {

/// A list of blocks behind a global, one per twin; each block begins with the pointer to the one before.
struct Grown {
  Grown* before;
};

using Lists = std::array<Grown*, 2>;

Grown*& list_of(Lists& lists, const Run& run) {
  return lists[run.leaking() ? 0 : 1];
}

void hang_on(Grown*& list, char* block, std::size_t bytes) {
  fill(block, bytes);
  list = new (block) Grown{list};
}

void free_list(Grown*& list) {
  while (list != nullptr) {
    Grown* const before = list->before;
    release(reinterpret_cast<char*>(list));
    list = before;
  }
}

Lists linear_lists{};
Lists exponential_lists{};
Lists stepped_lists{};

LEAKGATE_SIM_NOINLINE char* history_entry(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void linear_growth(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    hang_on(list_of(linear_lists, run), history_entry(site, bytes), bytes);
    if (run.leaking()) run.lost(Kind::still_reachable, site, bytes);
  }
}

void linear_growth_end(Run& run) {
  if (!run.leaking()) free_list(list_of(linear_lists, run));
}

constexpr std::size_t kMostDoubled = 1u << 20;

LEAKGATE_SIM_NOINLINE char* doubled_buffer(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void exponential_growth(Run& run) {
  std::size_t bytes = run.sizes().next() + sizeof(Grown);
  for (std::uint32_t round = 0; round < run.count() && (round == 0 || bytes < kMostDoubled);
       ++round, bytes *= 2) {
    Site site;
    hang_on(list_of(exponential_lists, run), doubled_buffer(site, bytes), bytes);
    if (run.leaking()) run.lost(Kind::still_reachable, site, bytes);
  }
}

void exponential_growth_end(Run& run) {
  if (!run.leaking()) free_list(list_of(exponential_lists, run));
}

LEAKGATE_SIM_NOINLINE char* step_entry(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void stepped_growth(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    for (int entry = 0; round % 4 == 3 && entry < 5; ++entry) {
      const std::size_t bytes = sizes.next();
      Site site;
      hang_on(list_of(stepped_lists, run), step_entry(site, bytes), bytes);
      if (run.leaking()) run.lost(Kind::still_reachable, site, bytes);
    }
  }
}

void stepped_growth_end(Run& run) {
  if (!run.leaking()) free_list(list_of(stepped_lists, run));
}

LEAKGATE_SIM_NOINLINE char* wave_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// Up and down again in each round; the careless twin loses one block of each wave.
void oscillating_growth(Run& run) {
  constexpr std::size_t kWave = 8;
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    std::array<char*, kWave> wave{};
    Site site;
    std::size_t bytes = 0;
    for (char*& block : wave) {
      bytes = sizes.next();
      block = wave_block(site, bytes);
      fill(block, bytes);
    }
    for (std::size_t index = 0; index < kWave; ++index) {
      if (run.leaking() && index + 1 == kWave) {
        run.lost(Kind::definitely_lost, site, bytes);
      } else {
        release(wave[index]);
      }
    }
  }
}

/// A cache of few places; a new entry takes the oldest one's place.
constexpr std::size_t kPlaces = 4;
std::array<std::array<char*, kPlaces>, 2> cache_places{};
std::array<std::array<std::size_t, kPlaces>, 2> cache_bytes{};

LEAKGATE_SIM_NOINLINE char* cached_answer(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void saturating_cache(Run& run) {
  auto& places = cache_places[run.leaking() ? 0 : 1];
  auto& place_bytes = cache_bytes[run.leaking() ? 0 : 1];
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t place = round % kPlaces;
    Site site;
    const std::size_t bytes = sizes.next();
    char* answer = cached_answer(site, bytes);
    fill(answer, bytes);
    if (run.leaking() && places[place] != nullptr) {
      run.lost(Kind::definitely_lost, site, place_bytes[place]);  // evicted, and nobody deletes it
    } else {
      release(places[place]);
    }
    places[place] = answer;
    place_bytes[place] = bytes;
  }
}

void saturating_cache_end(Run& run) {
  for (char*& place : cache_places[run.leaking() ? 0 : 1]) {
    release(place);
    place = nullptr;
  }
}

LEAKGATE_SIM_NOINLINE char* tooth_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

LEAKGATE_SIM_NOINLINE char* tooth_trailer(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// Grows for six rounds, lets go of everything at once; under the saw something stays.
void sawtooth_leak(Run& run) {
  constexpr std::uint32_t kTeeth = 6;
  std::array<char*, kTeeth> teeth{};
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site ignored;
    const std::size_t bytes = sizes.next();
    teeth[round % kTeeth] = tooth_block(ignored, bytes);
    fill(teeth[round % kTeeth], bytes);
    if (round % kTeeth != kTeeth - 1) continue;
    for (char*& tooth : teeth) {
      release(tooth);
      tooth = nullptr;
    }
    Site site;
    char* trailer = tooth_trailer(site, 40);
    fill(trailer, 40);
    if (run.leaking()) {
      run.lost(Kind::definitely_lost, site, 40);
    } else {
      release(trailer);
    }
  }
  for (char* tooth : teeth) {
    release(tooth);
  }
}

LEAKGATE_SIM_NOINLINE char* burst_block(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

void burst(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    const std::size_t bytes = sizes.next();
    Site site;
    // all of one round in ten at once; the others are quiet
    for (int block = 0; round % 10 == 5 && block < 200; ++block) {
      char* made = burst_block(site, bytes);
      fill(made, bytes);
      if (run.leaking() && block % 50 == 0) {
        run.lost(Kind::definitely_lost, site, bytes);
      } else {
        release(made);
      }
    }
  }
}

std::array<char*, 2> settings{};
std::array<std::size_t, 2> settings_bytes{};

LEAKGATE_SIM_NOINLINE char* read_settings(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// Once per program, however many rounds; the leaking twin keeps what it read for ever.
void one_time_initialisation(Run& run) {
  char*& mine = settings[run.leaking() ? 0 : 1];
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    if (mine != nullptr) continue;
    Site site;
    const std::size_t bytes = run.sizes().next();
    mine = read_settings(site, bytes);
    fill(mine, bytes);
    settings_bytes[run.leaking() ? 0 : 1] = bytes;
    if (run.leaking()) run.lost(Kind::still_reachable, site, bytes);
  }
}

void one_time_initialisation_end(Run& run) {
  if (run.leaking()) return;
  release(settings[1]);
  settings[1] = nullptr;
}

LEAKGATE_SIM_NOINLINE char* drop_of(Site& site, std::size_t bytes) {
  return LEAKGATE_SIM_AT(site, new char[bytes]);
}

/// Many blocks come and go; one small one in fifty stays.
void slow_drip(Run& run) {
  SizeSequence sizes = run.sizes();
  for (std::uint32_t round = 0; round < run.count(); ++round) {
    Site site;
    const bool drips = run.leaking() && round % 50 == 49;
    const std::size_t bytes = drips ? 9 : sizes.next();
    char* block = drop_of(site, bytes);
    fill(block, bytes);
    if (drips) {
      run.lost(Kind::definitely_lost, site, bytes);
    } else {
      release(block);
    }
  }
}

constexpr Parameters kDefaults{24, 96, 1, 1};
constexpr Scenario kScenarios[] = {
    {"linear_growth", "growth", "a history behind a global grows by one entry each round",
     "the history is freed at the end", kDefaults, linear_growth, linear_growth_end},
    {"exponential_growth",
     "growth",
     "each round doubles the buffer and keeps the old ones",
     "the buffers are freed at the end",
     {8, 96, 1, 1},
     exponential_growth,
     exponential_growth_end},
    {"stepped_growth", "growth", "every fourth round adds five entries that stay",
     "the entries are freed at the end", kDefaults, stepped_growth, stepped_growth_end},
    {"oscillating_growth",
     "growth",
     "memory goes up and down, one block of each wave is lost",
     "every wave is freed whole",
     {6, 96, 1, 1},
     oscillating_growth},
    {"saturating_cache", "growth", "a full cache forgets what it evicts", "what is evicted is deleted",
     kDefaults, saturating_cache, saturating_cache_end},
    {"sawtooth_leak", "growth", "a sawtooth, and under it one small block is lost each time",
     "the small block is deleted too", kDefaults, sawtooth_leak},
    {"burst",
     "growth",
     "a burst of two hundred blocks loses four of them",
     "the burst is deleted whole",
     {10, 64, 1, 1},
     burst},
    {"one_time_initialisation",
     "growth",
     "settings are read once and kept for ever",
     "the settings are freed at the end",
     {5, 700, 1, 1},
     one_time_initialisation,
     one_time_initialisation_end},
    {"slow_drip",
     "growth",
     "one block of nine bytes in fifty is lost",
     "all of them are deleted",
     {200, 64, 1, 1},
     slow_drip},
};

}  // namespace

std::span<const Scenario> growth_scenarios() {
  return kScenarios;
}

}  // namespace leakgate::simulator
